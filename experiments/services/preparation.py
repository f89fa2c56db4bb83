"""Preparation: count the audience, draw split groups, store both, attach.

Steps, and what a kill after each leaves behind:
1. take the session lock of this settings group (a killed worker's lock goes with its connection);
2. mark it `preparing` (a later run finds it open and does it again);
3. count the users, and those shared with every test whose dates meet (nothing stored yet);
4. in one transaction: take the lock of all drawing, count with tests that were drawn meanwhile, draw, store the draw
   and the counts, mark `ready`, attach where that happens by itself. Either all of it exists or nothing.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction
from django.db.models import F

from accounts.actors import Actor
from audience.drawing import Drawn, NotEnoughRoom, Objective, Occupant, Share, draw_split_groups
from audience.warehouse import Warehouse, WarehouseError, get_warehouse
from changelog.models import Verb
from core import clock
from core.errors import Conflict
from core.tasks import enqueue_on_commit
from experiments.models import (
    AudienceCount,
    Draw,
    Experiment,
    Preparation,
    PreparationState,
    SettingsGroup,
    SharedCount,
    Variant,
)
from experiments.percents import SPLIT_GROUPS
from experiments.selectors import meeting_settings_groups, settings_group_of
from experiments.services.ground import note, require_acting
from experiments.services.settings_groups import attach_when_ready

MACHINE = Actor.machine("Preparation")
# First halves of two-part advisory locks; any two numbers nobody else in this database uses.
_PREPARATION_LOCK = 0x5553_0001
_DRAWING_LOCK = 0x5553_0002
# Every worker that takes it up dies with it: after so many starts without an end somebody has to look.
MOST_STARTS = 30
# Counting with many tests is one scan per chunk, so that progress can be told.
_CHUNK = 100

Users = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shared:
    """Users shared with another settings group, per split group; its filters in `not_counted` were taken as met."""

    users: Users
    not_counted: tuple[str, ...]


@dataclass(slots=True)
class Counts:
    """What was counted so far, per split group: of the settings group itself, and shared with others by their id."""

    users: Users
    warehouse_version: str
    not_counted: tuple[str, ...] = ()
    shared: dict[int, Shared] = field(default_factory=dict)


def prepare_settings_group(settings_group_id: int) -> bool:
    """Prepare it, from whatever point an earlier attempt reached. True when this call made it ready.

    False when somebody else is at it or it needs nothing. Raises WarehouseError when counting is not possible now
    (the caller tries again or gives up with `fail_preparation`). One that has killed MOST_STARTS workers is given up.
    """
    with _session_lock(settings_group_id) as is_mine:
        if not is_mine:
            return False
        started = Preparation.objects.open().filter(settings_group_id=settings_group_id)
        if started.filter(attempts__gte=MOST_STARTS).exists():
            fail_preparation(settings_group_id, f"It was begun {MOST_STARTS} times and never came to an end.")
            return False
        if not started.update(
            state=PreparationState.PREPARING,
            attempts=F("attempts") + 1,
            started_at=clock.now(),
            progress=5,
            retry_at=None,
        ):
            return False
        settings_group = SettingsGroup.objects.select_related("experiment", "copied_from").get(
            pk=settings_group_id
        )
        try:
            counts = _count(settings_group, _progress_of(settings_group_id))
            return _complete(settings_group, counts)
        except NotEnoughRoom as error:
            fail_preparation(settings_group_id, str(error))
            return False


def fail_preparation(settings_group_id: int, reason: str) -> None:
    """Give up, with a reason for the manager; `retry_preparation` takes it up again."""
    with transaction.atomic():
        settings_group = SettingsGroup.objects.select_related("experiment").get(pk=settings_group_id)
        failed = Preparation.objects.open().filter(settings_group=settings_group)
        if failed.update(state=PreparationState.FAILED, error=reason, finished_at=clock.now()):
            message = f"Settings group {settings_group.number} could not be prepared: {reason}"
            note(MACHINE, Verb.PREPARATION_FAILED, settings_group.experiment, message)


def postpone_preparation(settings_group_id: int, reason: str, seconds: float) -> None:
    """An attempt failed for a reason that may pass: the manager sees it, the next attempt comes after `seconds`."""
    Preparation.objects.open().filter(settings_group_id=settings_group_id).update(
        error=reason, retry_at=clock.now() + dt.timedelta(seconds=seconds)
    )


def retry_preparation(actor: Actor, experiment: Experiment, number: int) -> None:
    """Queue a failed preparation again. Raises Conflict when it has not failed."""
    require_acting(actor, experiment)
    settings_group = settings_group_of(experiment, number)
    with transaction.atomic():
        queued = Preparation.objects.filter(
            settings_group=settings_group, state=PreparationState.FAILED
        ).update(
            state=PreparationState.QUEUED,
            progress=0,
            error="",
            attempts=0,
            retry_at=None,
            queued_at=clock.now(),
        )
        if not queued:
            raise Conflict(f"The preparation of settings group {number} has not failed.")
        note(actor, Verb.PREPARE, experiment, f"Prepares settings group {number} again")
        enqueue_on_commit("experiments.tasks.prepare", settings_group.pk)


def request_recount(actor: Actor, experiment: Experiment, number: int) -> None:
    """Have prepared settings counted again, in the background. Raises Conflict when they are not prepared yet."""
    require_acting(actor, experiment)
    settings_group = settings_group_of(experiment, number)
    if settings_group.preparation.state != PreparationState.READY:
        raise Conflict(f"Settings group {number} is not prepared yet.")
    enqueue_on_commit("experiments.tasks.recount", settings_group.pk)


def recount_settings_group(settings_group_id: int) -> AudienceCount:
    """Count a prepared settings group again, with the users and the other tests of now. What it was drawn with is kept."""
    settings_group = SettingsGroup.objects.select_related("experiment").get(pk=settings_group_id)
    counts = _count(settings_group, lambda percent: None)
    with transaction.atomic():
        return _store_counts(settings_group, counts, counts.shared.keys())


def _count(settings_group: SettingsGroup, progress: Callable[[int], None]) -> Counts:
    """Step 3: nothing is locked while the warehouse works. Users that are loaded meanwhile make it start again."""
    warehouse = get_warehouse()
    others = meeting_settings_groups(settings_group) if settings_group.experiment.is_test else []
    counts = Counts(np.zeros(SPLIT_GROUPS, dtype=np.int64), warehouse.version())
    # At least one chunk: without others it counts the settings group alone.
    for start in range(0, max(len(others), 1), _CHUNK):
        _count_chunk(warehouse, settings_group, others[start : start + _CHUNK], counts)
        progress(5 + 75 * min(start + _CHUNK, len(others) or 1) // (len(others) or 1))
    _require_same_users(warehouse, counts)
    return counts


def _require_same_users(warehouse: Warehouse, counts: Counts) -> None:
    """Numbers of two loads of users don't belong into one table."""
    if warehouse.version() != counts.warehouse_version:
        raise WarehouseError("new users were loaded while they were counted")


def _count_chunk(
    warehouse: Warehouse, settings_group: SettingsGroup, others: Sequence[SettingsGroup], counts: Counts
) -> None:
    table = warehouse.count_table(
        settings_group.conditions, [other.conditions for other in others], clock.now()
    )
    counts.users, counts.not_counted = table.users, table.not_counted
    for row, other in enumerate(others):
        counts.shared[other.pk] = Shared(table.shared[row], table.others_not_counted[row])


def _complete(settings_group: SettingsGroup, counts: Counts) -> bool:
    """Step 4."""
    with transaction.atomic():
        _lock_drawing()
        preparation = Preparation.objects.select_for_update().get(settings_group=settings_group)
        if not preparation.is_open:
            return False
        others = meeting_settings_groups(settings_group) if settings_group.experiment.is_test else []
        drawn_meanwhile = [other for other in others if other.pk not in counts.shared]
        if drawn_meanwhile:
            warehouse = get_warehouse()
            _count_chunk(warehouse, settings_group, drawn_meanwhile, counts)
            _require_same_users(warehouse, counts)
        if settings_group.experiment.is_test:
            _draw(settings_group, others, counts)
        _store_counts(settings_group, counts, [other.pk for other in others])
        preparation.state, preparation.progress, preparation.error = PreparationState.READY, 100, ""
        preparation.finished_at = clock.now()
        preparation.save(update_fields=["state", "progress", "error", "finished_at"])
        message = f"Prepared settings group {settings_group.number}: {int(counts.users.sum()):,} users meet its conditions"
        note(MACHINE, Verb.PREPARE, settings_group.experiment, message)
        attach_when_ready(MACHINE, settings_group)
    return True


def _draw(settings_group: SettingsGroup, others: Sequence[SettingsGroup], counts: Counts) -> None:
    variants = list(settings_group.variants.all())
    # While nothing is known of the users, nothing speaks for audiences that never meet.
    unknown = np.ones(SPLIT_GROUPS, dtype=np.int64) if get_warehouse().user_count() == 0 else None
    occupants = [
        Occupant(
            other.experiment.key,
            np.asarray(other.drawn.owners, dtype=np.int16),
            counts.shared[other.pk].users if unknown is None else unknown,
        )
        for other in others
    ]
    seed = secrets.randbits(63)
    drawn = draw_split_groups(
        [Share(variant.name, variant.split_group_count) for variant in variants],
        occupants,
        cast("Objective", settings_group.draw_objective),
        seed,
        previous=_previous(settings_group),
        exclusive_with=settings_group.exclusive_with,
    )
    _store_draw(settings_group, drawn, seed)


def _store_draw(settings_group: SettingsGroup, drawn: Drawn, seed: int) -> None:
    Draw.objects.create(
        settings_group=settings_group,
        owners=drawn.owners.tolist(),
        objective=settings_group.draw_objective,
        seed=seed,
        log=drawn.log,
    )


def _previous(settings_group: SettingsGroup) -> dict[str, Sequence[int]]:
    """Split groups by variant name that should stay where they are, so that users don't jump between variants."""
    source = settings_group.copied_from
    if source is None and settings_group.experiment.current_id is not None:
        source = settings_group.experiment.current
    draw = Draw.objects.filter(settings_group=source).first() if source is not None else None
    if source is None or draw is None:
        return {}
    owners = np.asarray(draw.owners)
    return {
        variant.name: (np.flatnonzero(owners == variant.position) + 1).tolist()
        for variant in Variant.objects.filter(settings_group=source)
    }


def _store_counts(settings_group: SettingsGroup, counts: Counts, others: Iterable[int]) -> AudienceCount:
    count = AudienceCount.objects.create(
        settings_group=settings_group,
        users=counts.users.tolist(),
        not_counted=list(counts.not_counted),
        warehouse_version=counts.warehouse_version,
    )
    SharedCount.objects.bulk_create(
        SharedCount(
            count=count,
            other_id=other,
            users=counts.shared[other].users.tolist(),
            not_counted=list(counts.shared[other].not_counted),
        )
        for other in others
    )
    return count


def _progress_of(settings_group_id: int) -> Callable[[int], None]:
    def tell(percent: int) -> None:
        Preparation.objects.open().filter(settings_group_id=settings_group_id).update(progress=percent)

    return tell


@contextmanager
def _session_lock(settings_group_id: int) -> Iterator[bool]:
    """Whether this connection alone works on the settings group; the lock ends with the block or with the process."""
    key = [_PREPARATION_LOCK, settings_group_id % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        # After a lost connection the server has released it already.
        if is_mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _lock_drawing() -> None:
    """One draw at a time, so that each sees all before it. Held until the end of the transaction: milliseconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_DRAWING_LOCK, 0])
