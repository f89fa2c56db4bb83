"""Which finished tests are still in the code: lines that a scan found, hits that still come, and the task that ends it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.actors import Actor
from audience.warehouse import Warehouse
from console.leftovers import leftovers
from core import clock
from delivery.code_places import CodeScan, Place, report_scan
from experiments.lifecycle import Status
from experiments.models import Experiment
from notifications.models import Connection, JiraIssue, Provider
from tests.analytics.counted import count_hits
from tests.factories import make_experiment

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def finished(manager: Actor, warehouse: Warehouse) -> Experiment:
    return make_experiment(manager, Status.FINISHED, key="button")


def scanned(actor: Actor, *keys: str) -> None:
    places = [Place(key, "test", "pay.py", line) for line, key in enumerate(keys, start=1)]
    report_scan(actor, CodeScan("shop", "", None, "", 1, places))


def cut_task(experiment: Experiment, *, is_done: bool) -> JiraIssue:
    # What a connection needs besides does not matter here.
    connection, _ = Connection.objects.get_or_create(provider=Provider.JIRA_CLOUD, defaults={"name": "Jira"})
    return JiraIssue.objects.create(
        experiment=experiment, connection=connection, role=JiraIssue.Role.CUT, key="PAY-18", is_done=is_done
    )


def later(hours: float) -> Any:
    return clock.frozen_at(clock.now() + hours * HOUR)


def test_lines_that_a_scan_found_count_until_none_is_left(manager: Actor, finished: Experiment) -> None:
    assert leftovers([finished]) == {}
    scanned(manager, "button", "button", "banner")
    found = leftovers([finished])[finished.pk]
    assert str(found) == "Finished, but still in the code: 2 lines of code name it"
    scanned(manager, "banner")
    assert leftovers([finished]) == {}


def test_hits_count_while_they_come(finished: Experiment) -> None:
    assert finished.current is not None
    count_hits(finished.current, "green", 5, 5, ago=HOUR)
    # Of before the finish: its code may be gone since.
    assert leftovers([finished]) == {}
    with later(2):
        count_hits(finished.current, "green", 5, 5, ago=HOUR)
        assert "hits still come, the latest at" in str(leftovers([finished])[finished.pk])
    with later(24):
        assert finished.pk in leftovers([finished])
    with later(26):
        assert leftovers([finished]) == {}


def test_the_task_ends_it(manager: Actor, finished: Experiment) -> None:
    scanned(manager, "button")
    task = cut_task(finished, is_done=False)
    assert leftovers([finished])[finished.pk].task == "PAY-18"
    task.is_done = True
    task.save()
    assert leftovers([finished]) == {}


def test_many_are_told_in_three_queries(
    manager: Actor, finished: Experiment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    other, running = (
        make_experiment(manager, Status.FINISHED, key="other"),
        make_experiment(manager, Status.RUNNING, key="banner"),
    )
    scanned(manager, "button", "other", "banner")
    with django_assert_num_queries(3):
        assert leftovers([finished, other, running]).keys() == {finished.pk, other.pk}
    with django_assert_num_queries(0):
        assert leftovers([running]) == {}
