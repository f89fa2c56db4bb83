"""Hits per variant and hour, and hits nobody knows, over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from accounts.actors import Actor
from analytics.models import UnknownHits, Who
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind, SettingsGroup
from tests.analytics.counted import HOUR, count_hits
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import make_draft, make_experiment

HITS = "/tests/button/hits/"
HALVES: list[dict[str, object]] = [
    {"name": "control", "percent": "50", "is_control": True},
    {"name": "green", "percent": "50"},
]


@pytest.fixture
def group(people: People, manager: Actor, warehouse: object) -> SettingsGroup:
    found = make_experiment(manager, Status.RUNNING, key="button", variants=HALVES).current
    assert found is not None
    return found


@pytest.fixture
def api(people: People, group: SettingsGroup) -> Api:
    return Api.of(people.viewer, ["read"])


def test_variants_ratio_and_hours_in_one_answer(api: Api, group: SettingsGroup) -> None:
    count_hits(group, "control", 120, 90, ago=3 * HOUR)
    count_hits(group, "green", 130, 110, ago=HOUR)
    count_hits(group, "green", 7, 5, ago=HOUR, who=Who.FORCED)
    count_hits(group, "green", 9, 4, ago=HOUR, who=Who.TEST_USERS)
    body = api.get(HITS).json()
    assert body["settings_group"] == 1
    assert body["environment"] == "production"
    assert (body["hits"], body["users"]) == (250, 200)
    control, green = body["variants"]
    assert control["name"] == "control"
    assert control["is_control"]
    assert (green["hits"], green["users"], green["share"]) == (130, 110, 0.55)
    assert green["expected_share"] == pytest.approx(0.5, abs=0.01)
    assert (green["forced_hits"], green["forced_users"]) == (7, 5)
    assert (green["test_user_hits"], green["test_users"]) == (9, 4)
    assert body["srm"]["verdict"] == "fine"
    assert body["srm"]["method"] == "chi_square"
    assert body["srm"]["degrees_of_freedom"] == 1
    assert 0.05 < body["srm"]["p_value"] < 1
    assert 0.5 < body["srm"]["always_valid_p_value"] <= 1
    assert not body["srm"]["holds_always"]
    assert body["srm"]["alarm_below"] == 0.001
    assert [(row["variant"], row["hits"], row["users"]) for row in body["hours"]] == [
        ("control", 120, 90),
        ("green", 130, 110),
    ]
    assert (body["hours"][1]["forced_hits"], body["hours"][1]["test_user_hits"]) == (7, 9)
    hour = dt.datetime.fromisoformat(body["hours"][0]["hour"])
    assert hour == (clock.now() - 3 * HOUR).replace(minute=0, second=0, microsecond=0)
    assert body["days"] == []
    assert body["next"] is None
    assert body["users_counted_at"] is not None


def test_a_mismatch_is_told(api: Api, group: SettingsGroup) -> None:
    count_hits(group, "control", 9_000, 9_000)
    count_hits(group, "green", 7_000, 7_000)
    ratio = api.get(HITS).json()["srm"]
    assert ratio["verdict"] == "mismatch"
    assert ratio["holds_always"]
    assert ratio["p_value"] < 1e-9
    assert "do not fit" in ratio["sentence"]


def test_days_time_and_environment(api: Api, group: SettingsGroup) -> None:
    for days in range(5):
        count_hits(group, "green", 10 + days, 5, ago=dt.timedelta(days=days))
    count_hits(group, "green", 3, 2, environment="devel")
    body = api.get(HITS, by="day").json()
    assert [row["hits"] for row in body["days"]] == [14, 13, 12, 11, 10]
    assert body["hours"] == []
    since = (clock.now() - dt.timedelta(days=2)).date().isoformat()
    assert [row["hits"] for row in api.get(HITS, by="day", since=f"{since}T00:00:00Z").json()["days"]] == [
        12,
        11,
        10,
    ]
    assert [row["hits"] for row in api.get(HITS, by="day", until=f"{since}T00:00:00Z").json()["days"]] == [
        14,
        13,
    ]
    devel = api.get(HITS, environment="devel").json()
    assert devel["hits"] == 3
    assert devel["srm"]["reason"] == "not_production"


def test_pages_follow_each_other_without_gap_or_double(api: Api, group: SettingsGroup) -> None:
    for hours in range(7):
        for variant in ("control", "green"):
            count_hits(group, variant, 100 + hours, 5, ago=hours * HOUR)
    found: list[tuple[str, str]] = []
    address: str | None = f"/api/v1{HITS}?limit=3"
    pages = 0
    while address:
        body = api.client.get(address).json()
        found += [(row["hour"], row["variant"]) for row in body["hours"]]
        assert len({row["hour"] for row in body["hours"]}) <= 3
        address, pages = body["next"], pages + 1
    assert pages == 3
    assert len(found) == len(set(found)) == 14
    assert found == sorted(found)


def test_before_there_are_settings_there_is_nothing(
    people: People, manager: Actor, warehouse: object
) -> None:
    make_draft(manager, "idea")
    body = Api.of(people.manager).get("/tests/idea/hits/").json()
    assert body["settings_group"] is None
    assert (body["variants"], body["hours"], body["srm"]) == ([], [], None)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"environment": "staging"}, ["environment"]),
        ({"by": "minute"}, ["by"]),
        ({"since": "yesterday"}, ["since"]),
        ({"since": "9999-12-31T23:59:59-23:59"}, ["since"]),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, ["until"]),
        ({"limit": "0"}, ["limit"]),
        ({"limit": "2001"}, ["limit"]),
        ({"settings_group": "x"}, ["settings_group"]),
        ({"settings_group": "0"}, ["settings_group"]),
        ({"settings_group": str(2**31)}, ["settings_group"]),
        ({"by": "hour\x00"}, ["by"]),
        ({"surprise": "1"}, ["surprise"]),
    ],
)
def test_nonsense_is_named(api: Api, query: dict[str, Any], fields: list[str]) -> None:
    assert wrong_fields(api.get(HITS, **query)) == fields


def test_who_may_ask(api: Api, people: People, manager: Actor) -> None:
    for person in people:
        assert Api.of(person, ["read"]).get(HITS).status_code == 200
    for scopes in (["ingest"], ["deliver"], ["manage"]):
        problem(Api.of(people.manager, scopes).get(HITS), 403)
    problem(Api(None).get(HITS), 401)
    problem(api.get(HITS, settings_group="2"), 404)
    make_experiment(manager, key="idea")
    problem(api.get("/tests/idea/hits/"), 404)
    make_experiment(manager, Status.RUNNING, kind=Kind.GROUP, key="grown_up")
    problem(api.get("/groups/grown_up/hits/"), 404)
    problem(Api.of(people.manager).post(HITS, {}), 405)


def unknown(**fields: Any) -> UnknownHits:
    values: dict[str, Any] = {
        "test": "buton",
        "settings_group": 1,
        "variant": "green",
        "environment": "production",
        "why": "test",
        "hits": 12,
        "first_at": clock.now(),
        "last_at": clock.now(),
    }
    return UnknownHits.objects.create(**values | fields)


def test_hits_nobody_knows_with_what_was_meant(api: Api, group: SettingsGroup, people: People) -> None:
    unknown()
    unknown(test="button", variant="gren", why="variant", environment="devel", hits=3)
    body = api.get("/hits/unknown/").json()
    assert [(row["test"], row["variant"], row["hits"], row["near"]) for row in body["results"]] == [
        ("button", "gren", 3, ["green"]),
        ("buton", "green", 12, ["button"]),
    ]
    assert body["next"] is None
    [only] = api.get("/hits/unknown/", environment="devel").json()["results"]
    assert only["why"] == "variant"
    assert len(api.get("/hits/unknown/", why="test").json()["results"]) == 1
    assert wrong_fields(api.get("/hits/unknown/", why="weather")) == ["why"]
    problem(Api.of(people.viewer, ["ingest"]).get("/hits/unknown/"), 403)
    problem(Api(None).get("/hits/unknown/"), 401)


def test_a_hidden_draft_is_neither_listed_nor_suggested(
    api: Api, people: People, manager: Actor, group: SettingsGroup
) -> None:
    idea: Experiment = make_experiment(manager, key="secret_idea")
    unknown(test=idea.key, variant="gren", why="variant")
    unknown(test="secret_ide")
    [row] = api.get("/hits/unknown/").json()["results"]
    assert (row["test"], row["near"]) == ("secret_ide", [])
    rows = Api.of(people.manager, ["read"]).get("/hits/unknown/").json()["results"]
    assert [row["near"] for row in rows] == [["secret_idea"], ["green"]]
