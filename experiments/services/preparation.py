"""Preparation: count the audience, draw split groups, store both, attach.

Steps, and what a kill after each leaves behind:
1. take the session lock of this settings group (a killed worker's lock goes with its connection);
2. mark it `preparing` (a later run finds it open and does it again);
3. count the users, and those shared with every other test that matters (nothing stored yet, nothing locked);
4. in one transaction: take the lock of all drawing and look again; with tests that were drawn meanwhile go back to 3, else draw,
   store the counts and the draw, mark `ready`, attach where that happens by itself. Either all of it exists or nothing.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import F

from accounts.actors import Actor
from audience.occupancy import Owners
from changelog.models import Verb
from core import clock
from core.errors import Conflict
from core.tasks import enqueue_on_commit
from experiments.counting import Counts, count_audience
from experiments.models import (
    AudienceCount,
    Draw,
    Experiment,
    Preparation,
    PreparationState,
    SettingsGroup,
)
from experiments.plans import NoRoom, Plan, draw_plan, plan_of
from experiments.selectors import Other, owners_by_settings_group, settings_group_of
from experiments.services.ground import note, require_acting
from experiments.services.locks import Lock, lock_drawing, session_lock
from experiments.services.settings_groups import attach_when_ready

MACHINE = Actor.machine("Preparation")
# Every worker that takes it up dies with it: after so many starts without an end somebody has to look.
MOST_STARTS = 30
# So often other tests may come in between; then they are counted with the lock held, so that it comes to an end.
_MOST_ROUNDS: Final = 5
SEED_BITS: Final = 53
"""Seeds that are made up are whole numbers in every JSON reader, JavaScript's too."""


def prepare_settings_group(settings_group_id: int) -> bool:
    """Prepare it, from whatever point an earlier attempt reached. True when this call made it ready.

    False when somebody else is at it or it needs nothing. Raises WarehouseError when counting is not possible now
    (the caller tries again or gives up with `fail_preparation`). One that has killed MOST_STARTS workers is given up.
    """
    with session_lock(Lock.PREPARATION, settings_group_id) as is_mine:
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
        try:
            return _count_and_draw(settings_group_id)
        except NoRoom as error:
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


def pack_counts_of(settings_group_id: int, counts: Counts, others: list[Other]) -> AudienceCount:
    """One count with these others, in this order; not saved yet."""
    return AudienceCount.packed(
        {
            pk: (counts.shared[pk].users, counts.shared[pk].not_counted)
            for pk in (other.settings_group.pk for other in others)
        },
        settings_group_id=settings_group_id,
        users=counts.users.tolist(),
        not_counted=list(counts.not_counted),
        finished_others=[other.settings_group.pk for other in others if other.is_finished],
        warehouse_version=counts.warehouse_version,
    )


def _count_and_draw(settings_group_id: int) -> bool:
    """Steps 3 and 4, until nothing was drawn in between."""
    counted: _Counted | None = None
    tell = _progress_of(settings_group_id)
    for _ in range(_MOST_ROUNDS):
        plan = plan_of(_read(settings_group_id))
        counted = _Counted.of(settings_group_id, plan, plan.others(), tell, counted)
        finished = _complete(settings_group_id, counted, is_last_round=False)
        if finished is not None:
            return finished
    return bool(_complete(settings_group_id, counted, is_last_round=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """What is prepared before anything is locked: the others, counts with them ready to be stored, and their draws."""

    others: list[Other]
    counts: Counts
    owners: dict[int, Owners]
    row: AudienceCount

    @classmethod
    def of(
        cls,
        settings_group_id: int,
        plan: Plan,
        others: list[Other],
        tell: Callable[[float], None],
        before: _Counted | None,
    ) -> _Counted:
        """Count what is not counted yet, and read the draws that are not read yet; draws never change."""
        groups = [other.settings_group for other in others]
        owners = dict(before.owners) if before else {}
        owners |= owners_by_settings_group({group.pk for group in groups} - owners.keys())
        counts = count_audience(plan.conditions, groups, tell, before.counts if before else None)
        return cls(others, counts, owners, pack_counts_of(settings_group_id, counts, others))

    def is_with(self, others: list[Other]) -> bool:
        """Whether these are the others, in the same state."""
        return [(other.settings_group.pk, other.is_finished) for other in self.others] == [
            (other.settings_group.pk, other.is_finished) for other in others
        ]


def _complete(settings_group_id: int, counted: _Counted | None, *, is_last_round: bool) -> bool | None:
    """Step 4. None when the others are not those any more with which it was counted; nothing is done then."""
    with transaction.atomic():
        lock_drawing()
        preparation = Preparation.objects.select_for_update().get(settings_group_id=settings_group_id)
        if not preparation.is_open:
            return False
        # Read again: what is current, and so which draw is continued, may have changed while users were counted.
        settings_group = _read(settings_group_id)
        plan = plan_of(settings_group)
        others = plan.others()
        if counted is None or not counted.is_with(others):
            if not is_last_round:
                return None
            counted = _Counted.of(settings_group_id, plan, others, lambda share: None, counted)
        counted.row.save()
        if settings_group.experiment.is_test:
            _draw(settings_group, plan, counted)
        preparation.state, preparation.progress, preparation.error = PreparationState.READY, 100, ""
        preparation.finished_at = clock.now()
        preparation.save(update_fields=["state", "progress", "error", "finished_at"])
        users = int(counted.counts.users.sum())
        message = f"Prepared settings group {settings_group.number}: {users:,} users meet its conditions"
        note(MACHINE, Verb.PREPARE, settings_group.experiment, message)
        attach_when_ready(MACHINE, settings_group)
    return True


def _draw(settings_group: SettingsGroup, plan: Plan, counted: _Counted) -> None:
    seed = secrets.randbits(SEED_BITS) if settings_group.draw_seed is None else settings_group.draw_seed
    drawn = draw_plan(plan, counted.others, counted.counts, counted.owners, seed)
    Draw.objects.create(
        settings_group=settings_group,
        count=counted.row,
        previous=plan.previous.settings_group if plan.previous else None,
        owners=drawn.owners.tolist(),
        objective=settings_group.draw_objective,
        seed=seed,
        log={**drawn.log, "is_blind": counted.counts.is_blind},
    )


def _read(settings_group_id: int) -> SettingsGroup:
    return SettingsGroup.objects.select_related("experiment__current", "copied_from").get(
        pk=settings_group_id
    )


def _progress_of(settings_group_id: int) -> Callable[[float], None]:
    def tell(share: float) -> None:
        Preparation.objects.open().filter(settings_group_id=settings_group_id).update(
            progress=5 + int(75 * share)
        )

    return tell
