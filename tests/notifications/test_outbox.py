"""Changelog entries become events: each once, none lost, nothing of before."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection, transaction

from accounts.actors import Actor
from changelog.models import Entry
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.services import apply_verb
from notifications.models import Event, Progress
from notifications.outbox import read_entries
from tests.conftest import People
from tests.factories import add_prepared, make_draft, make_experiment
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("warehouse")


def kinds() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def test_what_happened_before_the_first_look_is_not_told(manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING)
    read_entries()
    assert kinds() == []


def test_each_entry_is_one_event_however_often_it_is_read(manager: Actor) -> None:
    read_entries()
    experiment = make_experiment(manager, Status.RUNNING)
    for _ in range(3):
        read_entries()
    told = Event.objects.filter(skipped="", experiment=experiment)
    assert list(told.order_by("pk").values_list("kind", flat=True)) == ["prepared", "started"]
    apply_verb(manager, experiment, Verb.PAUSE)
    read_entries()
    assert kinds()[-1] == "paused"


def test_settings_of_a_draft_that_become_current_by_themselves_are_told_nobody(manager: Actor) -> None:
    read_entries()
    draft = add_prepared(manager, make_draft(manager)).experiment
    read_entries()
    assert Event.objects.get(kind="settings_changed", experiment=draft).skipped == "The test is draft."


def test_a_past_that_is_written_now_is_not_told(manager: Actor) -> None:
    read_entries()
    with clock.frozen_at(clock.now() - dt.timedelta(days=30)):
        make_experiment(manager, Status.RUNNING)
    read_entries()
    assert kinds() == []


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_after_later_ones_is_told_as_well(people: People) -> None:
    manager = Actor.person(people.manager)
    slow = make_experiment(manager, Status.RUNNING)
    fast = make_experiment(manager, Status.RUNNING)
    read_entries()
    may_commit, has_written = threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                apply_verb(manager, slow, Verb.PAUSE)
                has_written.set()
                assert may_commit.wait(60)
        finally:
            connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    try:
        assert has_written.wait(60)
        apply_verb(manager, fast, Verb.PAUSE)
        # Whoever looked only beyond the highest id would pass the slow one here.
        for _ in range(3):
            read_entries()
        assert list(Event.objects.values_list("experiment__key", flat=True)) == [fast.key]
    finally:
        may_commit.set()
        writer.join()
    read_entries()
    assert set(Event.objects.values_list("experiment__key", flat=True)) == {fast.key, slow.key}


@pytest.mark.django_db(transaction=True)
def test_what_is_over_is_passed_and_not_looked_at_again(people: People) -> None:
    manager = Actor.person(people.manager)
    make_experiment(manager, Status.RUNNING)

    def passed() -> bool:
        read_entries()
        return (
            Progress.objects.get().entry_id
            == Entry.objects.order_by("-pk").values_list("pk", flat=True).first()
        )

    wait_until(passed, "the outbox passes what no transaction can come before")
