"""Planning over HTTP: what-if, the capacity calendar, and settings that are drawn as they were shown."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import Scope
from audience.warehouse import Warehouse
from core import clock
from experiments.lifecycle import Status
from experiments.models import SettingsGroup
from experiments.services import prepare_settings_group, recount_settings_group
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import TWO_VARIANTS, make_draft, make_experiment

HALF: list[dict[str, object]] = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]


@pytest.fixture
def api(people: People, warehouse: Warehouse) -> Api:
    return Api.of(people.manager)


def test_what_is_shown_is_what_is_drawn(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="crowd", variants=HALF)
    make_draft(manager, "green_button")
    settings = {"variants": HALF, "draw": "random", "starts_at": None, "ends_at": None}
    shown = api.post("/tests/green_button/what-if/", settings).json()
    assert shown["audience"] == {"users": 24_000, "not_counted": []}
    at_random = next(one for one in shown["objectives"] if one["objective"] == "random")
    assert (at_random["possible"], at_random["reason"], at_random["free_from"]) == (True, None, None)
    assert at_random["worst_pair"]["test"] == "crowd"
    assert at_random["moves"] is None
    assert shown["warnings"] == at_random["warnings"] != []

    added = api.post("/tests/green_button/settings-groups/", settings | {"seed": shown["seed"]}).json()
    assert (added["seed"], added["drawn_with"], added["recounted"], added["warnings"]) == (
        shown["seed"], None, False, [],
    )  # fmt: skip
    prepare_settings_group(SettingsGroup.objects.get(experiment__key="green_button").pk)
    drawn = api.get("/tests/green_button/settings-groups/1/").json()
    assert [one["users"] for one in drawn["variants"]] == [one["users"] for one in at_random["variants"]]
    assert drawn["intersections"] == at_random["intersections"]
    assert (drawn["objective"], drawn["seed"], drawn["warnings"]) == (
        "random", shown["seed"], shown["warnings"],
    )  # fmt: skip
    assert drawn["drawn_with"] == {"counted_at": drawn["counted_at"]}


def test_after_a_recount_both_counts_have_a_date(api: Api, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="green_button")
    assert experiment.current_id is not None
    with clock.frozen_at(clock.now() + dt.timedelta(days=1)):
        recount_settings_group(experiment.current_id)
    shown = api.get("/tests/green_button/settings-groups/1/").json()
    assert shown["recounted"] is True
    assert shown["counted_at"] > shown["drawn_with"]["counted_at"]


def test_a_recount_that_waits_is_shown(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="green_button")
    answer = api.post("/tests/green_button/settings-groups/1/recount/").json()
    assert answer["recount"]["requested_at"]
    assert (answer["recount"]["error"], answer["recount"]["given_up"]) == (None, False)


def test_moves_are_told_with_the_settings_that_made_them(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="green_button", variants=HALF)
    api.post(
        "/tests/green_button/settings-groups/",
        {"variants": [{"name": "a", "percent": "25"}, {"name": "c", "percent": "75"}]},
    )
    prepare_settings_group(SettingsGroup.objects.get(number=2).pk)
    shown = api.get("/tests/green_button/settings-groups/2/").json()
    [change] = shown["moves"]["change"]
    assert (change["from"], change["to"]) == ("b", "c")
    assert (
        shown["warnings"][0]
        == f"The draw moves {change['users']:,} users to another variant: {change['users']:,} from b to c."
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "９"}, "seed"),
        ({"seed": [1]}, "seed"),
        ({"allow_control_to_treatment": "yes"}, "allow_control_to_treatment"),
        ({"owners": [1]}, "owners"),
        ({"conditions": [{"filter": "shoe_size", "operator": "eq", "value": 1}]}, "conditions[0].filter"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    api: Api, manager: Actor, wrong: dict[str, object], field: str
) -> None:
    make_draft(manager, "green_button")
    for address in ("what-if", "settings-groups"):
        answer = api.post(f"/tests/green_button/{address}/", {"variants": TWO_VARIANTS, **wrong})
        assert wrong_fields(answer) == [field]
    assert not SettingsGroup.objects.exists()


def test_settings_based_on_older_ones_are_refused(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.DEV, key="green_button")
    body = {"variants": TWO_VARIANTS}
    refused = problem(api.post("/tests/green_button/settings-groups/", {**body, "based_on": 0}), 409)
    assert refused["code"] == "stale"
    assert api.post("/tests/green_button/settings-groups/", {**body, "based_on": 1}).status_code == 202
    wrong = api.post("/tests/green_button/settings-groups/", {**body, "based_on": "2"})
    assert wrong_fields(wrong) == ["based_on"]
    assert api.post("/tests/green_button/what-if/", {**body, "based_on": 2}).status_code == 200


def test_only_managers_ask_what_if(api: Api, people: People, manager: Actor) -> None:
    make_experiment(manager, Status.DEV, key="green_button")
    make_draft(manager, "own_idea")
    body = {"variants": TWO_VARIANTS}
    problem(Api.of(people.other_manager).post("/tests/green_button/what-if/", body), 403)
    problem(Api.of(people.other_manager).post("/tests/own_idea/what-if/", body), 404)
    problem(Api.of(people.manager, [Scope.READ]).post("/tests/green_button/what-if/", body), 403)
    make_experiment(manager, Status.FINISHED, key="done")
    problem(api.post("/tests/done/what-if/", body), 409)


def test_a_warehouse_that_is_gone_is_a_problem_document(api: Api, manager: Actor, settings: Settings) -> None:
    make_draft(manager, "green_button")
    settings.WAREHOUSE_URL = "nothing://"
    refused = problem(api.post("/tests/green_button/what-if/", {"variants": TWO_VARIANTS}), 503)
    assert refused["code"] == "warehouse_unavailable"


def test_the_calendar_tells_when_there_is_room(api: Api, manager: Actor) -> None:
    end = (clock.now() + dt.timedelta(days=10)).replace(hour=0, minute=0, second=0, microsecond=0)
    crowd = [{"name": "a", "percent": "90"}]
    make_experiment(manager, Status.RUNNING, variants=crowd, ends_at=end.isoformat())
    shown = api.get("/capacity/", days=12, groups=1_200).json()
    assert [day["free"] for day in shown["days"]] == [240] * 10 + [2_400] * 2
    assert {day["free"] + day["busy"] for day in shown["days"]} == {2_400}
    assert shown["days"][0]["date"] == clock.now().date().isoformat()
    assert shown["earliest"] == {"groups": 1_200, "duration": 1, "date": end.date().isoformat()}
    assert (
        api.get("/capacity/", groups=240, duration=30).json()["earliest"]["date"] == shown["days"][0]["date"]
    )
    assert len(api.get("/capacity/").json()["days"]) == 90
    assert api.get("/capacity/").json()["earliest"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"days": 0}, "days"),
        ({"days": 100_000}, "days"),
        ({"groups": 2_401}, "groups"),
        ({"duration": "long"}, "duration"),
        ({"from": "2026"}, "from"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(api: Api, query: dict[str, Any], field: str) -> None:
    assert wrong_fields(api.get("/capacity/", **query)) == [field]
