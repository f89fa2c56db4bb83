"""What QA has set, as far as the asking person may know of it."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.models import Role
from experiments.lifecycle import Status
from experiments.models import Experiment, ForcedUser, Kind, TestsOff
from experiments.selectors import visible_experiments


def forced_users(actor: Actor) -> QuerySet[ForcedUser]:
    """Everybody who is forced, the newest first; a withdrawn test is a draft again, and not everybody's to see."""
    rows = ForcedUser.objects.filter(experiment__in=visible_experiments(actor, Kind.TEST))
    return rows.select_related("experiment", "created_by").order_by("-pk")


def people_without_tests() -> QuerySet[TestsOff]:
    """Everybody for whom all tests are off, the newest first."""
    return TestsOff.objects.select_related("created_by").order_by("-pk")


def forcible_tests(actor: Actor) -> list[Experiment]:
    """Tests into which this person may force users, with their variants, by key."""
    tests = visible_experiments(actor, Kind.TEST).filter(
        status__in=[Status.DEV, Status.RUNNING, Status.PAUSED]
    )
    if actor.role == Role.MANAGER and actor.user is not None:
        tests = tests.filter(managers=actor.user)
    elif actor.role not in {Role.QA, Role.SUPERUSER}:
        return []
    return list(tests.select_related("current").prefetch_related("current__variants").order_by("key"))


def removable_ids(actor: Actor) -> set[int]:
    """Those of the forced users that this person may let go, whatever the status of the test is by now."""
    rows = forced_users(actor)
    if actor.role == Role.MANAGER and actor.user is not None:
        rows = rows.filter(experiment__managers=actor.user)
    elif actor.role not in {Role.QA, Role.SUPERUSER}:
        return set()
    return set(rows.order_by().values_list("pk", flat=True))
