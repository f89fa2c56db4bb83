"""The history of a test over HTTP: who did what, before and after, filtered and paged."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.services import edit_properties
from tests.api import Api, wrong_fields
from tests.conftest import People
from tests.factories import make_draft, make_experiment


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.manager)


def test_an_edit_is_told_field_by_field(api: Api, manager: Actor) -> None:
    edit_properties(manager, make_draft(manager, "button", area="home"), {"area": "payments"})
    entry = api.get("/tests/button/changelog/").json()["results"][0]
    assert entry["at"].endswith("Z")
    assert {
        name: entry[name]
        for name in ("actor", "actor_name", "by_machine", "verb", "subject_kind", "subject_key")
    } == {
        "actor": "manager",
        "actor_name": "Manager",
        "by_machine": False,
        "verb": "edit",
        "subject_kind": "test",
        "subject_key": "button",
    }
    assert entry["message"] == "Changed area"
    assert entry["changes"] == [{"field": "area", "label": "Area", "before": "home", "after": "payments"}]


def test_machines_can_be_kept_apart(api: Api, manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING, key="button")
    verbs = {
        machine: [
            entry["verb"]
            for entry in api.get("/tests/button/changelog/", by_machine=machine).json()["results"]
        ]
        for machine in ("true", "false")
    }
    assert verbs == {
        "true": ["attach", "prepare"],
        "false": ["start", "publish", "add_settings_group", "create"],
    }
    machine = api.get("/tests/button/changelog/", verb="prepare").json()["results"][0]
    assert (machine["actor"], machine["actor_name"]) == (None, "Preparation")


def test_filters_and_pages(api: Api, manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING, key="button")
    wanted = api.get(
        "/tests/button/changelog/", verb=["start", "publish"], actor="manager", page_size=1
    ).json()
    assert [entry["verb"] for entry in wanted["results"]] == ["start"]
    assert [entry["verb"] for entry in api.client.get(wanted["next"]).json()["results"]] == ["publish"]
    moment = wanted["results"][0]["at"]
    assert len(api.get("/tests/button/changelog/", after=moment).json()["results"]) == 1
    assert len(api.get("/tests/button/changelog/", before=moment).json()["results"]) == 5


@pytest.mark.parametrize(
    ("name", "value"), [("verb", "explode"), ("after", "soon"), ("before", "\x00"), ("actor", "\x00")]
)
def test_a_filter_that_cannot_be_is_named(api: Api, manager: Actor, name: str, value: str) -> None:
    make_draft(manager, "button")
    assert wrong_fields(api.get(f"/tests/button/changelog/?{urlencode({name: value})}")) == [name]


def test_history_survives_a_new_key_and_is_not_somebody_else_s(api: Api, manager: Actor) -> None:
    make_draft(manager, "other")
    api.patch(f"/tests/{make_draft(manager, 'old').key}/", {"key": "new"})
    entries = api.get("/tests/new/changelog/").json()["results"]
    assert [(entry["verb"], entry["subject_key"]) for entry in entries] == [
        ("edit", "new"),
        ("create", "old"),
    ]
