"""Red rows are finished tests that are still in the code, amber ones are stuck: each says why, and is found by it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.actors import Actor
from accounts.models import Environment
from analytics.models import TotalHits, Who
from console.list_attention import attention_of
from console.list_rows import with_newest_state
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Preparation
from experiments.services import apply_verb
from tests.conftest import People
from tests.factories import add_settings, make_draft, make_experiment


def _hit(test: Experiment, at: dt.datetime) -> None:
    TotalHits.objects.update_or_create(
        settings_group=test.current,
        variant="green",
        environment=Environment.PRODUCTION,
        who=Who.USERS,
        defaults={"hits": 1, "first_at": at, "last_at": at},
    )


def _said() -> dict[str, tuple[str, str]]:
    rows = list(with_newest_state(Experiment.objects.tests()))
    keys = {one.pk: one.key for one in rows}
    return {keys[pk]: (one.level, "; ".join(one.reasons)) for pk, one in attention_of(rows).items()}


def test_who_stands_out_and_why(manager: Actor, warehouse: Any) -> None:
    now = clock.now()
    soon, ends = (now + dt.timedelta(hours=1)).isoformat(), (now + dt.timedelta(days=2)).isoformat()
    make_experiment(manager, Status.DEV, key="waiting")
    make_experiment(manager, Status.PAUSED, key="paused")
    make_experiment(manager, Status.RUNNING, key="over", starts_at=soon, ends_at=ends)
    make_experiment(manager, Status.RUNNING, key="silent")
    seen = make_experiment(manager, Status.RUNNING, key="seen")
    left, cut = (make_experiment(manager, Status.FINISHED, key=key) for key in ("left", "cut"))
    failed = make_draft(manager, key="failed")
    Preparation.objects.filter(settings_group=add_settings(manager, failed)).update(state="failed")
    _hit(cut, now)
    assert _said() == {"failed": ("amber", "Its newest settings could not be prepared")}
    later = now + dt.timedelta(days=31)
    with time_machine.travel(later, tick=False):
        _hit(seen, later)
        _hit(left, later)
        said = _said()
    day = f"{now:%Y-%m-%d}"
    assert said.keys() == {"failed", "waiting", "paused", "over", "silent", "left"}
    assert said["left"][0] == "red"
    assert "hits still come" in said["left"][1]
    assert said["waiting"] == ("amber", f"In dev since {day}")
    assert said["paused"] == ("amber", f"Paused since {day}")
    assert said["silent"] == ("amber", "No hits from production since its start")
    assert "Its dates ended on" in said["over"][1]


def test_a_test_that_goes_on_is_not_stuck(manager: Actor, warehouse: Any) -> None:
    test = make_experiment(manager, Status.PAUSED, key="resumed")
    later = clock.now() + dt.timedelta(days=31)
    with time_machine.travel(later, tick=False):
        assert _said().keys() == {"resumed"}
        apply_verb(manager, test, Verb.RESUME)
        assert _said() == {}


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({"attention": "amber"}, {"failed"}),
        ({"attention": "red"}, {"left"}),
        ({"attention": "any"}, {"failed", "left"}),
        ({"attention": "any", "status": "finished"}, {"left"}),
        ({"attention": "any", "q": "nothing"}, set()),
    ],
)
def test_the_list_shows_those_that_stand_out(
    query: dict[str, str], keys: set[str], manager: Actor, people: People, warehouse: Any, client: Client
) -> None:
    make_draft(manager, key="fine")
    left = make_experiment(manager, Status.FINISHED, key="left")
    _hit(left, clock.now() + dt.timedelta(minutes=1))
    failed = make_draft(manager, key="failed")
    Preparation.objects.filter(settings_group=add_settings(manager, failed)).update(state="failed")
    client.force_login(people.manager)
    answer = client.get("/tests/", query)
    assert {row.key for row in answer.context["rows"]} == keys
    text = answer.content.decode()
    assert ("us-red" in text, "us-amber" in text) == ("left" in keys, "failed" in keys)
