"""kill -9 in the middle of preparations: every settings group ends prepared, nothing twice, nothing lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import transaction

from accounts.actors import Actor
from audience.warehouse import Warehouse
from changelog.models import Entry
from experiments.models import AudienceCount, Draw, Experiment, Preparation, PreparationState, SettingsGroup
from experiments.services.locks import Lock
from tests.factories import add_settings, make_draft
from tests.waiting import wait_until
from tests.workers import WorkerProcess, database_url

KILLS = 10


@contextmanager
def drawing_held_up() -> Iterator[Callable[[], bool]]:
    """Whoever prepares gets as far as the draw, inside its transaction, and waits there. Yields: is somebody waiting?"""
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, 0)", [Lock.DRAWING.value])
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND NOT granted"
        yield lambda: other.execute(waiting, [Lock.DRAWING.value]).fetchone() != (0,)


@pytest.mark.django_db(transaction=True)
def test_ten_kills_at_random_moments(
    start_worker: Callable[..., WorkerProcess], manager: Actor, warehouse: Warehouse
) -> None:
    moments = random.Random(4711)
    experiments: list[Experiment] = []
    killed_at: list[str] = []
    for kill in range(KILLS):
        with transaction.atomic():
            experiments.append(make_draft(manager))
            settings_group = add_settings(manager, experiments[-1])
        worker = start_worker()
        if kill % 2:
            with drawing_held_up() as somebody_waits:
                wait_until(somebody_waits, "the draw is reached", 60)
                worker.kill()
        else:
            begun = Preparation.objects.filter(settings_group=settings_group).exclude(
                state=PreparationState.QUEUED
            )
            wait_until(begun.exists, "the preparation began", 60)
            # Not to wait for something: the moment of the kill is the random part of this test.
            threading.Event().wait(moments.uniform(0, 0.1))
            worker.kill()
        killed_at.append(f"{_state(settings_group)}")

    start_worker(beat=True)
    groups = SettingsGroup.objects.filter(experiment__in=experiments)
    wait_until(
        lambda: (
            Preparation.objects.filter(settings_group__in=groups, state=PreparationState.READY).count()
            == KILLS
        ),
        f"all are ready (killed at {killed_at})",
        120,
    )
    for settings_group in groups:
        assert Draw.objects.filter(settings_group=settings_group).count() == 1
        assert AudienceCount.objects.filter(settings_group=settings_group).count() == 1
    for experiment in experiments:
        verbs = list(Entry.objects.filter(subject_id=experiment.pk).values_list("verb", flat=True))
        assert sorted(verbs) == ["add_settings_group", "attach", "create", "prepare"]
        assert Experiment.objects.get(pk=experiment.pk).current is not None
    assert any("preparing" in moment for moment in killed_at), "no kill hit a preparation"


def _state(settings_group: SettingsGroup) -> tuple[str, int]:
    preparation = Preparation.objects.get(settings_group=settings_group)
    return preparation.state, preparation.progress
