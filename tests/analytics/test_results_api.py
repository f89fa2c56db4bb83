"""Results over HTTP: per event and variant, beside the control."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from accounts.actors import Actor
from analytics import reports, results
from analytics.store import EventOutcome, Outcomes
from core import clock
from experiments.lifecycle import Status
from experiments.models import SettingsGroup
from tests.analytics.counted import FakeStore, count_hits
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import make_draft, make_experiment

RESULTS = "/tests/button/results/"
THIRDS: list[dict[str, object]] = [
    {"name": "a", "percent": "33"},
    {"name": "control", "percent": "33", "is_control": True},
    {"name": "b", "percent": "33"},
]
OUTCOMES = Outcomes(
    users={"a": 1_000, "control": 1_000, "b": 0},
    in_several=4,
    events=(
        EventOutcome("order.paid", "control", 100, 150, 300, 1_500.0, 40_000.0),
        EventOutcome("order.paid", "a", 120, 170, 340, 1_800.0, 50_000.0),
        EventOutcome("looked", "control", 10, 10, 10, 0.0, 0.0),
    ),
    events_left_out=2,
)


@pytest.fixture
def group(people: People, manager: Actor, warehouse: object) -> SettingsGroup:
    found = make_experiment(manager, Status.RUNNING, key="button", variants=THIRDS).current
    assert found is not None
    return found


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    store = FakeStore(outcome=OUTCOMES)
    monkeypatch.setattr(results, "get_store", lambda: store)
    monkeypatch.setattr(reports, "get_store", lambda: store)
    return store


@pytest.fixture
def api(people: People, group: SettingsGroup) -> Api:
    return Api.of(people.viewer, ["read"])


def test_each_event_is_compared_with_the_control(api: Api, store: FakeStore, group: SettingsGroup) -> None:
    count_hits(group, "a", 1_000, 1_000)
    body = api.get(RESULTS).json()
    assert body["settings_group"] == 1
    assert (body["control"], body["compared_with"]) == ("control", "control")
    assert body["users_in_several_variants"] == 4
    assert body["events_left_out"] == 2
    assert body["srm"]["verdict"] == "mismatch"
    assert [one["users"] for one in body["variants"]] == [1_000, 1_000, 0]
    paid, looked = body["events"]
    assert paid["event"] == "order.paid"
    a, control, b = paid["variants"]
    assert (a["rate"], control["rate"]) == (0.12, 0.1)
    assert a["rate_difference"]["absolute"] == pytest.approx(0.02)
    assert a["rate_difference"]["relative"] == pytest.approx(0.2)
    assert (
        a["rate_difference"]["absolute_interval"]["low"]
        < 0.02
        < a["rate_difference"]["absolute_interval"]["high"]
    )
    assert a["rate_difference"]["p_value"] == pytest.approx(0.153, abs=0.001)
    assert (a["mean_value"], control["mean_value"]) == (1.8, 1.5)
    assert a["value_difference"]["absolute"] == pytest.approx(0.3)
    assert 0 < a["value_difference"]["p_value"] < 1
    assert a["events_difference"]["relative"] == pytest.approx(20 / 150)
    assert control["rate_difference"] is None
    # Nobody was seen in b, nobody looked in a: null and 0, never NaN.
    assert (b["rate"], b["rate_difference"], b["mean_value"]) == (None, None, None)
    assert looked["variants"][0]["rate"] == 0
    json.dumps(body, allow_nan=False)


def test_time_and_environment_are_handed_to_the_store(
    api: Api, store: FakeStore, group: SettingsGroup
) -> None:
    since, until = dt.datetime(2026, 11, 1, tzinfo=dt.UTC), dt.datetime(2026, 11, 8, tzinfo=dt.UTC)
    query: dict[str, Any] = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "environment": "devel",
        "settings_group": "1",
    }
    body = api.get(RESULTS, **query).json()
    assert store.asked[0] == (group.pk, "devel", since, until)
    assert body["environment"] == "devel"
    assert body["srm"]["reason"] == "not_production"


def test_of_a_test_with_a_winner_results_end_when_it_was_finished(
    people: People, manager: Actor, store: FakeStore, warehouse: object
) -> None:
    ending = {"result": "winner", "variant": "a", "scope": "everywhere"}
    before = clock.now()
    experiment = make_experiment(manager, Status.FINISHED, key="old", variants=THIRDS, ending=ending)
    body = Api.of(people.viewer).get("/tests/old/results/").json()
    assert store.asked[0][3] == experiment.finished_at
    assert experiment.finished_at is not None
    assert experiment.finished_at >= before
    assert dt.datetime.fromisoformat(body["until"]) == experiment.finished_at


def test_without_a_control_the_first_variant_is_compared_with(
    people: People, manager: Actor, store: FakeStore, warehouse: object
) -> None:
    variants = [{"name": "a", "percent": "5"}, {"name": "b", "percent": "5"}]
    make_experiment(manager, Status.RUNNING, key="plain", variants=variants)
    body = Api.of(people.viewer).get("/tests/plain/results/").json()
    assert (body["control"], body["compared_with"]) == (None, "a")


def test_a_store_that_is_down_is_a_problem_with_words(api: Api, store: FakeStore) -> None:
    store.fails = "The disk is gone."
    found = problem(api.get(RESULTS), 503)
    assert "The disk is gone." in found["detail"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [({"by": "hour"}, ["by"]), ({"until": "soon"}, ["until"]), ({"environment": ""}, ["environment"])],
)
def test_nonsense_is_named(api: Api, query: dict[str, Any], fields: list[str]) -> None:
    assert wrong_fields(api.get(RESULTS, **query)) == fields


def test_who_may_ask(api: Api, people: People, manager: Actor, store: FakeStore) -> None:
    for person in people:
        assert Api.of(person, ["read"]).get(RESULTS).status_code == 200
    problem(Api.of(people.manager, ["ingest", "manage"]).get(RESULTS), 403)
    problem(Api(None).get(RESULTS), 401)
    make_draft(manager, "idea")
    problem(api.get("/tests/idea/results/"), 404)
    problem(Api.of(people.manager).get("/tests/idea/results/"), 409)
