"""The line of the checklist that only hits can answer."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Environment
from analytics.models import TotalHits, Who
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.conftest import People
from tests.factories import make_draft, make_experiment

pytestmark = pytest.mark.usefixtures("warehouse")
LINE = "/tests/button/checklist/code/"


def _line(client: Client) -> str:
    return " ".join(client.get(LINE, headers={"HX-Request": "true"}).content.decode().split())


def _hit(test: Experiment, at: dt.datetime, environment: str) -> None:
    assert test.current is not None
    TotalHits.objects.create(
        settings_group=test.current,
        variant="green",
        environment=environment,
        who=Who.TEST_USERS,
        hits=1,
        users=1,
        first_at=at,
        last_at=at,
    )


def test_code_counts_as_in_production_from_its_first_hit_there(people: People, client: Client) -> None:
    test = make_experiment(Actor.person(people.manager), Status.DEV, key="button")
    client.force_login(people.developer)
    assert "No hit has come from production yet" in _line(client)
    assert 'href="#code"' in _line(client)
    _hit(test, dt.datetime(2026, 11, 2, 23, 30, tzinfo=dt.UTC), Environment.DEVEL)
    assert "only in devel so far, since 2026-11-02" in _line(client)
    assert "us-done" not in _line(client)
    _hit(test, dt.datetime(2026, 11, 3, tzinfo=dt.UTC), Environment.PRODUCTION)
    assert "the first hit came on 2026-11-03" in _line(client)
    assert "us-done" in _line(client)


def test_the_address_leads_to_the_page_and_drafts_of_others_do_not_exist(
    people: People, client: Client
) -> None:
    make_draft(Actor.person(people.manager), key="button")
    client.force_login(people.manager)
    assert client.get(LINE).headers["Location"] == "/tests/button/"
    client.force_login(people.other_manager)
    assert client.get(LINE, headers={"HX-Request": "true"}).status_code == 404
