"""Is it worth running? Over HTTP."""

from __future__ import annotations

import math
from typing import Any

import pytest

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.models import Kind
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import add_settings, make_draft, make_experiment

WORTH = "/tests/button/settings-groups/1/worth/"
VARIANTS = [{"name": "control", "percent": "50", "is_control": True}, {"name": "green", "percent": "50"}]


@pytest.fixture
def api(people: People, manager: Actor, warehouse: Warehouse) -> Api:
    make_experiment(manager, Status.DEV, key="button", variants=VARIANTS)
    return Api.of(people.manager, ["read"])


def test_both_directions_in_one_answer(api: Api) -> None:
    body = api.post(
        WORTH, {"baseline": 0.1, "effects": [0.05, "0.2"], "days": 14, "visitors_per_day": 2_000}
    ).json()
    assert body["settings_group"] == 1
    assert body["users"] == 24_000
    assert [one["name"] for one in body["variants"]] == ["control", "green"]
    [fortnight] = body["days"]
    assert fortnight["days"] == 14
    assert fortnight["reason"] == ""
    assert fortnight["smallest_effect"]["relative"] == pytest.approx(
        fortnight["smallest_effect"]["absolute"] / 0.1
    )
    small, large = body["effects"]
    assert small["days"] is None or small["days"] > large["days"]
    assert large["users"]["green"] < small["users"]["green"]
    assert body["alpha_of_each"] == 0.05
    assert body["assumed"] == []
    assert body["sentences"]
    assert body["notes"]


def test_the_baseline_alone_is_enough(api: Api) -> None:
    body = api.post(WORTH, {"baseline": 0.1}).json()
    assert [row["days"] for row in body["days"]] == [7, 14, 28]
    assert [round(row["effect"]["relative"], 3) for row in body["effects"]] == [0.01, 0.02, 0.05, 0.1, 0.2]
    assert body["assumed"] == ["visitors_per_day"]
    assert body["visitors_per_day"] == 2_400
    high = api.post(WORTH, {"baseline": 0.9}).json()
    assert [round(row["effect"]["relative"], 3) for row in high["effects"]] == [0.01, 0.02, 0.05, 0.1]


def test_numbers_are_numbers_in_every_answer(api: Api) -> None:
    def check(value: Any) -> None:
        if isinstance(value, float):
            assert math.isfinite(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            check(inner)

    for asked in (
        {"baseline": 1e-9},
        {"baseline": 1 - 1e-9},
        {"baseline": 0.5, "visitors_per_day": 1e-9, "arrivals_per_day": 0},
        {"baseline": 0.5, "arrivals_per_day": 1e12},
        {"baseline": 1e12, "deviation": 1e-12, "metric": "mean"},
        {"baseline": 1e-12, "deviation": 1e12, "metric": "mean"},
        {"baseline": 0.5, "alpha": 1e-9, "power": 1 - 1e-9},
        {"baseline": 0.5, "effects": [1e-300], "effect_kind": "absolute"},
        {"baseline": 0.5, "days": [1, 365]},
    ):
        answer = api.post(WORTH, asked)
        assert answer.status_code == 200, (asked, answer.content)
        check(answer.json())


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({}, ["baseline"]),
        ({"baseline": None}, ["baseline"]),
        ({"baseline": 0}, ["baseline"]),
        ({"baseline": 1}, ["baseline"]),
        ({"baseline": "much"}, ["baseline"]),
        ({"baseline": True}, ["baseline"]),
        ({"baseline": [0.1]}, ["baseline"]),
        ({"baseline": "NaN"}, ["baseline"]),
        (b'{"baseline": 1e400}', ["baseline"]),
        ({"baseline": 1e-300, "metric": "mean", "deviation": 1}, ["baseline"]),
        ({"baseline": 1e-300}, ["baseline"]),
        ({"baseline": 1, "metric": "mean", "deviation": 1e300}, ["deviation"]),
        ({"baseline": "9" * 10_000}, ["baseline"]),
        ({"baseline": 0.1, "deviation": 1}, ["deviation"]),
        ({"baseline": 5, "metric": "mean"}, ["deviation"]),
        ({"baseline": 5, "metric": "mean", "deviation": -1}, ["deviation"]),
        ({"baseline": 5, "metric": "median", "deviation": 1}, ["metric"]),
        ({"baseline": 0.1, "metric": ["mean"]}, ["metric"]),
        ({"baseline": 0.1, "alpha": 0}, ["alpha"]),
        ({"baseline": 0.1, "alpha": 0.2, "power": 0.2}, ["power"]),
        ({"baseline": 0.1, "power": 1}, ["power"]),
        ({"baseline": 0.1, "sides": 3}, ["sides"]),
        ({"baseline": 0.1, "days": [7, 0, 1.5, 366]}, ["days[1]", "days[2]", "days[3]"]),
        ({"baseline": 0.1, "days": {}}, ["days"]),
        ({"baseline": 0.1, "days": [1] * 21}, ["days"]),
        (
            {"baseline": 0.1, "effects": [0, 9, "x", None]},
            ["effects[0]", "effects[1]", "effects[2]", "effects[3]"],
        ),
        ({"baseline": 0, "metric": "mean", "deviation": 1, "effects": [0.1]}, ["effects[0]"]),
        ({"baseline": 0.1, "effect_kind": "huge"}, ["effect_kind"]),
        ({"baseline": 0.1, "visitors_per_day": -1}, ["visitors_per_day"]),
        ({"baseline": 0.1, "visitors_per_day": 0}, ["visitors_per_day"]),
        ({"baseline": 0.1, "visitors_per_week": 100}, ["visitors_per_day"]),
        ({"baseline": 0.1, "visitors_per_day": 100, "visitors_per_week": 99}, ["visitors_per_week"]),
        ({"baseline": 0.1, "arrivals_per_day": "many"}, ["arrivals_per_day"]),
        ({"baseline": 0, "alpha": 9, "days": 0}, ["baseline", "alpha", "days"]),
        ({"baseline": 0.1, "surprise": 1}, ["surprise"]),
    ],
)
def test_nonsense_is_named(api: Api, asked: object, fields: list[str]) -> None:
    assert wrong_fields(api.post(WORTH, asked)) == fields


def test_whoever_may_read_the_test_may_ask(api: Api, people: People, manager: Actor) -> None:
    for person in people:
        assert Api.of(person, ["read"]).post(WORTH, {"baseline": 0.1}).status_code == 200
    problem(Api.of(people.manager, ["manage"]).post(WORTH, {"baseline": 0.1}), 403)
    problem(Api(None).post(WORTH, {"baseline": 0.1}), 401)
    make_experiment(manager, key="idea", variants=VARIANTS)
    problem(Api.of(people.viewer).post("/tests/idea/settings-groups/1/worth/", {"baseline": 0.1}), 404)


def test_where_there_is_nothing_to_ask(api: Api, manager: Actor) -> None:
    make_draft(manager, "idea")
    problem(api.post("/tests/idea/settings-groups/1/worth/", {"baseline": 0.1}), 404)
    add_settings(manager, make_draft(manager, "queued"))
    detail = problem(api.post("/tests/queued/settings-groups/1/worth/", {"baseline": 0.1}), 409)["detail"]
    assert "not counted yet" in detail
    make_experiment(manager, kind=Kind.GROUP, key="grown_up")
    problem(api.post("/groups/grown_up/settings-groups/1/worth/", {"baseline": 0.1}), 404)
