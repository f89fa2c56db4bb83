"""The changelog pages: filters, paging, and a file that no spreadsheet runs."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.actors import Actor
from changelog.export import inert
from changelog.models import Entry, SubjectKind, Verb
from changelog.services import Change, record
from core.clock import frozen_at
from experiments.lifecycle import Status
from tests.conftest import People
from tests.factories import make_draft, make_experiment

LOG = "/changelog/"


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def _export(client: Client, address: str = f"{LOG}export/", **query: str) -> list[list[str]]:
    response = client.get(address, query)
    assert response["Content-Type"].startswith("text/csv")
    text = b"".join(response).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def _write(actor: Actor, message: str, verb: Verb = Verb.EDIT, changes: tuple[Change, ...] = ()) -> Entry:
    with transaction.atomic():
        return record(actor, verb, SubjectKind.FILTER, "country_id", message, changes)


def test_filters(mia: Actor, people: People, client: Client) -> None:
    make_draft(mia, key="green_button")
    make_draft(Actor.person(people.superuser), key="red_banner", managers=["manager"])
    _write(Actor.machine("Nightly"), "counted again", Verb.PREPARE)
    with frozen_at(dt.datetime(2020, 5, 17, 23, 59, tzinfo=dt.UTC)):
        _write(mia, "long ago")

    def found(**query: str) -> str:
        response = client.get(LOG, query)
        assert response.status_code == 200
        return " ".join(row["entry"].message for row in response.context["entries"])

    assert found(key="green") == "Created the test “Green button”"
    assert found(person="superuser") == "Created the test “Red banner”"
    assert found(verb="prepare") == "counted again"
    assert found(kind="filter") == "long ago counted again"
    assert "counted again" not in found(people="1")
    assert found(**{"from": "2020-05-17", "to": "2020-05-17"}) == "long ago"
    assert found(to="2020-05-16") == ""
    assert found(**{"from": "yesterday", "verb": "x", "kind": "'"}).count("Created") == 2


def test_older_pages(mia: Actor, client: Client) -> None:
    for number in range(60):
        _write(mia, f"entry number {number};")
    first = client.get(LOG)
    assert len(first.context["entries"]) == 50
    second = client.get(LOG, {"before": str(first.context["older"])})
    assert len(second.context["entries"]) == 10
    assert second.context["older"] is None
    assert "entry number 0;" in second.content.decode()


def test_one_tests_history_follows_its_key(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.DEV, key="green_button")
    make_draft(mia, key="other")
    text = client.get("/tests/green_button/changelog/").content.decode()
    assert "Published with settings group 1" in text
    assert "“Other”" not in text
    rows = _export(client, "/tests/green_button/changelog/export/")
    assert rows[0] == ["time", "by", "kind", "key", "action", "message", "changes"]
    assert {row[3] for row in rows[1:]} == {"green_button"}


def test_the_file_cannot_run(mia: Actor, people: People, client: Client) -> None:
    people.manager.first_name = "=cmd|' /C calc'!A0"
    people.manager.save()
    _write(Actor.person(people.manager), "@SUM(1,2)", changes=(Change("a", "-1+1", None, "x"),))
    row = _export(client)[1]
    assert row[1].startswith("'=cmd")
    assert row[5] == "'@SUM(1,2)"
    assert row[6].startswith("'-1+1")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_what_begins_a_formula_gets_an_apostrophe(text: str) -> None:
    assert inert(text) == f"'{text}"


def test_plain_text_stays_as_it_is() -> None:
    assert inert("5 % = little") == "5 % = little"
