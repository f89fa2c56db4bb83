"""The check of the split groups as a job: what it stores, when it raises the alarm, what it does without a warehouse."""

from __future__ import annotations

import datetime as dt
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, transaction
from django.test import override_settings
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.actors import Actor
from audience.loading import load_users
from audience.warehouse import get_warehouse
from changelog.models import Entry, SubjectKind
from core import clock
from core.errors import NotAllowed
from experiments.lifecycle import Status
from experiments.models import HealthCheck, HealthVerdict
from experiments.services import check_split_groups, request_health_check
from experiments.services.health import MOST_TOLD, _tell
from experiments.tasks import check_health
from tests.conftest import People
from tests.factories import make_experiment


@pytest.fixture
def alarms(db: None) -> Any:
    """The verbs of what the check told the changelog, oldest first."""
    entries = Entry.objects.filter(subject_kind=SubjectKind.SPLIT_GROUPS).order_by("id")
    return lambda: [(entry.verb, entry.by_machine) for entry in entries.all()]


@pytest.fixture
def lopsided(db: None, tmp_path: Path) -> str:
    """The address of a warehouse in which split group 7 has a hundred users too many."""
    groups = [*np.repeat(np.arange(1, 2401), 5).tolist(), *[7] * 100]
    path = tmp_path / "lopsided.csv"
    path.write_text("id,split_group\n" + "".join(f"u{index},{group}\n" for index, group in enumerate(groups)))
    url = f"duckdb://{tmp_path / 'lopsided'}"
    with override_settings(WAREHOUSE_URL=url):
        load_users(path, warehouse=get_warehouse())
    return url


def test_random_users_are_fine_and_everything_that_was_asked_is_stored(
    manager: Actor, warehouse: Any, alarms: Any
) -> None:
    make_experiment(manager, Status.FINISHED, key="old_test")
    make_experiment(manager, Status.RUNNING, key="still_running")
    check = check_split_groups()
    assert check.verdict == HealthVerdict.FINE
    assert check.sizes is not None
    assert sum(check.sizes) == warehouse.user_count()
    assert check.past_tests == ["old_test"]
    assert {finding["test"] for finding in check.findings} == {"", "old_test"}
    measures = {finding["measure"] for finding in check.findings}
    # Countries have numbers, but those are names.
    assert {"age", "is_paying"} <= measures
    assert "country_id" not in measures
    assert [len(groups) for groups in check.worst.values()] == [10] * len(check.worst)
    assert alarms() == []


def test_tests_that_ended_long_ago_or_never_ran_are_not_blamed(manager: Actor, warehouse: Any) -> None:
    with clock.frozen_at(clock.now() - dt.timedelta(days=91)):
        make_experiment(manager, Status.FINISHED, key="ancient")
    assert check_split_groups().past_tests == []


def test_the_alarm_is_raised_once_and_called_off_once(
    warehouse: Any, lopsided: str, settings: Settings, alarms: Any
) -> None:
    healthy = settings.WAREHOUSE_URL
    check_split_groups()
    settings.WAREHOUSE_URL = lopsided
    assert [check_split_groups().verdict for _ in range(3)] == [HealthVerdict.BAD] * 3
    assert alarms() == [("alarm", True)]
    assert "Split group 7 has 105 users" in Entry.objects.latest("id").message
    settings.WAREHOUSE_URL = healthy
    check_split_groups()
    check_split_groups()
    assert alarms() == [("alarm", True), ("all_clear", True)]


def test_without_a_warehouse_it_says_why_and_the_alarm_stands(
    lopsided: str, settings: Settings, alarms: Any, tmp_path: Path
) -> None:
    settings.WAREHOUSE_URL = lopsided
    check_split_groups()
    settings.WAREHOUSE_URL = "nonsense://nowhere"
    failed = check_split_groups()
    assert failed.verdict == HealthVerdict.FAILED
    assert "WAREHOUSE_URL" in failed.problem
    settings.WAREHOUSE_URL = lopsided
    check_split_groups()
    assert alarms() == [("alarm", True)]


def test_an_empty_warehouse_is_unknown_not_fine(db: None, alarms: Any) -> None:
    assert check_split_groups().verdict == HealthVerdict.UNKNOWN
    assert alarms() == []


def test_checks_are_kept_for_half_a_year_and_never_changed(warehouse: Any) -> None:
    for days in (200, 170):
        with clock.frozen_at(clock.now() - dt.timedelta(days=days)):
            check_split_groups()
    check_split_groups()
    assert HealthCheck.objects.count() == 2
    with pytest.raises(DatabaseError), transaction.atomic():
        HealthCheck.objects.update(verdict=HealthVerdict.FINE)


def test_managers_and_superusers_ask_for_a_check(
    people: People, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    for person in people:
        with django_capture_on_commit_callbacks() as sent:
            if person in {people.superuser, people.manager, people.other_manager}:
                request_health_check(Actor.person(person))
            else:
                with pytest.raises(NotAllowed):
                    request_health_check(Actor.person(person))
        assert len(sent) == person.may_manage


def test_the_task_checks_and_the_schedule_names_it(warehouse: Any, settings: Settings) -> None:
    assert settings.CELERY_BEAT_SCHEDULE["check-health"]["task"] == check_health.name
    check_health()
    assert HealthCheck.objects.get().verdict == HealthVerdict.FINE


def test_an_alarm_names_a_few_and_counts_the_rest(db: None, lopsided: str, settings: Settings) -> None:
    settings.WAREHOUSE_URL = lopsided
    check = check_split_groups()
    findings = [finding | {"name": f"finding {index}"} for index, finding in enumerate(check.findings * 5)]
    _tell([finding | {"verdict": "bad"} for finding in findings], known_bad=[])
    assert f"And {len(findings) - MOST_TOLD} more." in Entry.objects.latest("id").message


def test_users_loaded_meanwhile_make_it_look_again(warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = iter(["before", "after", "after", "after"])
    monkeypatch.setattr(type(warehouse), "version", lambda self: next(versions))
    assert check_split_groups().warehouse_version == "after"
    monkeypatch.setattr(type(warehouse), "version", lambda self: secrets.token_hex(4))
    assert "new users were loaded" in check_split_groups().problem
