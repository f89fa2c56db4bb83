"""Verbs in the console: what will happen is said first, a stale tab changes nothing, and approvals are a second person's."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.actors import Actor
from changelog.models import Entry
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.list_rows import audience_totals
from experiments.models import Experiment, Kind
from experiments.services import apply_verb
from tests.conftest import People
from tests.factories import make_draft, make_experiment

PAGE = "/tests/green_button/"


def _verb(verb: str) -> str:
    return f"{PAGE}verbs/{verb}/"


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def test_the_question_tells_the_real_numbers(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.DEV, key="green_button")
    assert test.current is not None
    totals = audience_totals([test.current.pk])[test.current.pk]
    text = client.get(_verb("start")).content.decode()
    sentence = f"{totals.users:,} users meet the conditions; {totals.variant_users:,} of them get one of two variants from now on."
    assert totals.variant_users > 0
    assert sentence in text


def test_htmx_gets_the_question_alone(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.DEV, key="green_button")
    text = client.get(_verb("start"), headers={"HX-Request": "true"}).content.decode()
    assert "expected_status" in text
    assert "<html" not in text


def test_the_whole_life_by_buttons(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.DRAFT, key="green_button")
    for verb, status in (
        ("publish", "dev"),
        ("start", "running"),
        ("pause", "paused"),
        ("resume", "running"),
    ):
        before = Experiment.objects.get(key="green_button").status
        response = client.post(_verb(verb), {"expected_status": before}, follow=True)
        assert response.redirect_chain == [(PAGE, 302)]
        assert Experiment.objects.get(key="green_button").status == status
    ending = {
        "expected_status": "running",
        "result": "winner",
        "variant": "green",
        "scope": "everywhere",
        "conclusion": "Good.",
    }
    client.post(_verb("finish"), ending)
    test = Experiment.objects.get(key="green_button")
    assert (test.status, test.outcome, test.scope, test.conclusion) == (
        "finished",
        "winner",
        "everywhere",
        "Good.",
    )


def test_a_stale_tab_gets_a_conflict_and_the_fresh_page(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.RUNNING, key="green_button")
    apply_verb(mia, test, Verb.PAUSE)
    entries = Entry.objects.count()
    response = client.post(_verb("finish"), {"expected_status": "running", "result": "rejected"})
    assert response.status_code == 409
    text = response.content.decode()
    assert "is paused by now" in text
    assert "Resume" in text
    assert Experiment.objects.get(pk=test.pk).status == Status.PAUSED
    assert Entry.objects.count() == entries


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_verb_that_does_not_fit_is_a_conflict(
    method: str, mia: Actor, warehouse: Any, client: Client
) -> None:
    make_experiment(mia, Status.DRAFT, key="green_button")
    response = getattr(client, method)(_verb("resume"))
    assert response.status_code == 409
    assert Experiment.objects.get(key="green_button").status == Status.DRAFT


def test_what_is_missing_is_said_and_the_button_is_off(mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    page = client.get(PAGE).content.decode()
    assert "Settings are saved: dates, who takes part, variants" in page
    question = client.get(_verb("publish"), headers={"HX-Request": "true"}).content.decode()
    assert "has no prepared settings yet" in question
    assert "disabled" in question
    assert client.post(_verb("publish")).status_code == 409


def test_an_incomplete_ending_is_kept_and_explained(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    response = client.post(_verb("finish"), {"result": "winner", "conclusion": "I think green won"})
    text = response.content.decode()
    assert response.status_code == 422
    assert "I think green won" in text
    assert "Choose the variant that won." in text
    assert "Choose who gets the winner." in text
    text = client.post(_verb("finish"), {"result": ""}).content.decode()
    assert "Choose how it ends." in text
    assert "Choose the variant that won." not in text
    assert Experiment.objects.get(key="green_button").status == Status.RUNNING


@pytest.mark.parametrize(
    ("starts", "ends", "words"),
    [(1, 9, "Its dates begin"), (-9, -1, "Its dates ended")],
)
def test_outside_its_dates_nobody_is_said_to_have_a_variant(
    starts: int, ends: int, words: str, mia: Actor, warehouse: Any, client: Client
) -> None:
    today = clock.now()
    with clock.frozen_at(today + dt.timedelta(days=min(0, starts - 1))):
        dates: dict[str, Any] = {
            "starts_at": (today + dt.timedelta(days=starts)).isoformat(),
            "ends_at": (today + dt.timedelta(days=ends)).isoformat(),
        }
        make_experiment(mia, Status.RUNNING, key="green_button", **dates)
    assert words in client.get(PAGE).content.decode()
    for verb in ("pause", "finish"):
        question = client.get(_verb(verb), headers={"HX-Request": "true"}).content.decode()
        assert words in question
        assert "stop seeing" not in question
        assert "get a variant now" not in question
    done = client.post(_verb("pause"), {"expected_status": "running"}, follow=True).content.decode()
    assert "is paused now." in done
    assert 'id="outside"' not in done
    resumed = client.post(_verb("resume"), {"expected_status": "paused"}, follow=True).content.decode()
    assert re.search(f"is running now. {words}", resumed)
    assert Experiment.objects.get(key="green_button").status == Status.RUNNING


def test_a_rejected_test_needs_no_winner(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    ending = {"result": "rejected", "variant": "green", "scope": "everywhere"}
    assert client.post(_verb("finish"), ending).status_code == 302
    assert Experiment.objects.get(key="green_button").outcome == "rejected"


def test_a_user_group_ends_with_a_conclusion_only(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.RUNNING, kind=Kind.GROUP, key="christmas")
    question = client.get("/groups/christmas/verbs/finish/").content.decode()
    assert "Winner" not in question
    assert client.post("/groups/christmas/verbs/finish/", {"conclusion": "Over."}).status_code == 302
    assert Experiment.objects.get(key="christmas").conclusion == "Over."


def test_starting_with_a_second_persons_word(
    mia: Actor, people: People, warehouse: Any, client: Client, settings: Settings
) -> None:
    settings.START_NEEDS_APPROVAL = True
    make_experiment(mia, Status.DEV, key="green_button")
    assert client.post(_verb("start"), {"expected_status": "dev"}).status_code == 409
    assert client.post(f"{PAGE}approval/ask/").status_code == 302
    page = client.get(PAGE).content.decode()
    assert "You asked yourself" in page
    assert "Approve the start" not in page
    assert client.post(f"{PAGE}approval/approve/").status_code == 403

    client.force_login(people.other_manager)
    assert "Approve the start" in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}approval/approve/").status_code == 302

    client.force_login(people.manager)
    assert client.post(_verb("start"), {"expected_status": "dev"}).status_code == 302
    assert Experiment.objects.get(key="green_button").status == Status.RUNNING


def test_outsiders_are_refused_by_the_server_too(
    people: People, mia: Actor, warehouse: Any, client: Client
) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    for person in (people.other_manager, people.developer, people.qa, people.viewer):
        client.force_login(person)
        assert client.post(_verb("pause"), {"expected_status": "running"}).status_code == 403
    assert Experiment.objects.get(key="green_button").status == Status.RUNNING
