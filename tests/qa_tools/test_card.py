"""The QA card of a test: who is forced into it, and what its readers are offered."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import ForcedUser
from experiments.services import apply_verb, force_user, force_users
from experiments.services.forcing import Forcing
from tests.conftest import People
from tests.factories import make_draft, make_experiment

FRAGMENT = {"HX-Request": "true", "HX-Target": "qa"}
NASTY = "<b>1</b>"


@pytest.mark.parametrize("role", ["superuser", "manager", "qa", "other_manager", "developer", "viewer"])
def test_everybody_reads_it_and_is_offered_what_they_may_do(
    client: Client, people: People, manager: Actor, role: str
) -> None:
    test = make_experiment(manager, Status.RUNNING, key="button")
    force_user(manager, test, "green", "devel", user_id=NASTY)
    client.force_login(getattr(people, role))
    page = client.get("/tests/button/qa/").content.decode()
    may = role in {"superuser", "manager", "qa"}
    assert "&lt;b&gt;1&lt;/b&gt;" in page
    assert NASTY not in page
    assert (">Remove</button>" in page, "?target=button%3Agreen" in page) == (may, may)
    removed = client.post(f"/forced/{ForcedUser.objects.get().pk}/remove/", {"from": "card"})
    assert removed.status_code == (302 if may else 403)
    assert ForcedUser.objects.exists() is not may


def test_removing_leads_back_to_the_card_and_wakes_the_changelog(
    client: Client, people: People, manager: Actor
) -> None:
    test = make_experiment(manager, Status.RUNNING, key="button")
    forced = force_user(manager, test, "green", "production", user_id="7")
    client.force_login(people.qa)
    address = f"/forced/{forced.pk}/remove/"
    answer = client.post(address, {"from": "card"}, headers=FRAGMENT, follow=True)
    assert answer.redirect_chain[-1][0] == "/tests/button/qa/?after"
    assert "history-changed" in answer["HX-Trigger"]
    assert "No longer forced" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "HX-Trigger" not in client.get("/tests/button/qa/", headers=FRAGMENT)


def test_only_who_is_forced_now_and_the_first_few(client: Client, people: People, manager: Actor) -> None:
    test = make_experiment(manager, Status.RUNNING, key="button")
    force_users(manager, test, [Forcing("green", f"user-{n}") for n in range(7)], "production")
    ends = clock.now() + dt.timedelta(days=1)
    force_user(manager, test, "green", "production", device_id="gone-tomorrow", expires_at=ends)
    client.force_login(people.viewer)
    page = client.get("/tests/button/qa/").content.decode()
    assert "gone-tomorrow" in page
    assert "Show all 8" in page
    assert page.count("us-exact") == 5
    with clock.frozen_at(ends):
        page = client.get("/tests/button/qa/").content.decode()
    assert "gone-tomorrow" not in page
    assert "Show all 7" in page


def test_an_empty_card_says_what_can_be_done(client: Client, people: People, manager: Actor) -> None:
    make_draft(manager, key="idea")
    test = make_experiment(manager, Status.RUNNING, key="button")
    client.force_login(people.manager)
    assert "Once the test is published" in client.get("/tests/idea/qa/").content.decode()
    assert "Put yourself into a variant" in client.get("/tests/button/qa/").content.decode()
    client.force_login(people.viewer)
    assert "QA and the managers of the test can" in client.get("/tests/button/qa/").content.decode()
    assert client.get("/tests/idea/qa/").status_code == 404
    apply_verb(manager, test, Verb.FINISH, {"result": "rejected", "conclusion": "Nobody liked it."})
    assert "nobody can be any more" in client.get("/tests/button/qa/").content.decode()


def test_its_link_chooses_the_variant_and_its_field_checks_this_test_alone(
    client: Client, people: People, manager: Actor
) -> None:
    make_experiment(manager, Status.RUNNING, key="button")
    make_experiment(manager, Status.RUNNING, key="other")
    client.force_login(people.qa)
    form = client.get("/forced/", {"target": "button:green"}).content.decode()
    assert '<option value="button:green" selected>' in form
    shown = client.get("/check/", {"user_id": "7", "q": "button", "supports": "on"})
    assert [row.key for row in shown.context["page"].object_list] == ["button"]


def test_what_was_typed_stays_when_the_test_ends_meanwhile(
    client: Client, people: People, manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = make_experiment(manager, Status.RUNNING, key="button")
    monkeypatch.setattr("qa_tools.views.forcing.forcible_tests", lambda actor: {"button": ["green"]})
    apply_verb(manager, test, Verb.FINISH, {"result": "rejected", "conclusion": "Nobody liked it."})
    client.force_login(people.qa)
    for address, typed in (("/forced/", {"user_id": "4711"}), ("/forced/many/", {"lines": "4711\n12"})):
        answer = client.post(address, {"target": "button:green", "environment": "production"} | typed)
        assert answer.status_code == 422
        assert "Nobody can be forced into “button”" in answer.content.decode()
        assert "4711" in answer.content.decode()
