"""What QA has set, as far as the asking person may know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from django.db.models import Model, Q, QuerySet

from accounts.actors import Actor
from accounts.models import Role
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment, ForcedUser, Kind, TestsOff
from experiments.selectors import visible_experiments

FORCIBLE: Final = (Status.DEV, Status.RUNNING, Status.PAUSED)
_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, slots=True)
class QaSearch:
    """What the reader looks for; empty is anything. `state`: `in_force` or `expired`."""

    text: str = ""
    environment: str = ""
    state: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.environment or self.state)


def forced_users(actor: Actor, search: QaSearch = QaSearch()) -> QuerySet[ForcedUser]:
    """Everybody who is forced, the newest first; a withdrawn test is a draft again, and not everybody's to see."""
    rows = ForcedUser.objects.filter(experiment__in=visible_experiments(actor, Kind.TEST))
    if search.environment:
        rows = rows.filter(environment=search.environment)
    about_test = Q(experiment__key__icontains=search.text) | Q(experiment__name__icontains=search.text)
    rows = _searched(rows, search, about_test | Q(variant__icontains=search.text))
    return rows.select_related("experiment", "created_by").order_by("-pk")


def people_without_tests(search: QaSearch = QaSearch()) -> QuerySet[TestsOff]:
    """Everybody for whom all tests are off, the newest first."""
    rows = _searched(TestsOff.objects.all(), search, Q())
    return rows.select_related("created_by").order_by("-pk")


def forcible_tests(actor: Actor) -> dict[str, list[str]]:
    """Tests into which this person may force users, by key, with the names of their current variants."""
    tests = visible_experiments(actor, Kind.TEST).filter(status__in=FORCIBLE)
    if actor.role == Role.MANAGER and actor.user is not None:
        tests = tests.filter(managers=actor.user)
    elif not may_switch_tests_off(actor):
        return {}
    # Names alone: with many tests whole rows would be most of what the page costs.
    found: dict[str, list[str]] = {}
    order = "key", "current__variants__position"
    for key, name in tests.order_by(*order).values_list("key", "current__variants__name"):
        names = found.setdefault(key, [])
        if name is not None:
            names.append(name)
    return found


def may_force_into(actor: Actor, experiment: Experiment) -> bool:
    """Whether this person may force somebody into this test as it is now; the service asks again."""
    if experiment.status not in FORCIBLE or experiment.current_id is None:
        return False
    if actor.role == Role.MANAGER and actor.user is not None:
        return experiment.managers.filter(pk=actor.user.pk).exists()
    return may_switch_tests_off(actor)


def removable_ids(actor: Actor, ids: list[int]) -> set[int]:
    """Those of the forced users that this person may let go, whatever the status of the test is by now."""
    rows = forced_users(actor).filter(pk__in=ids)
    if actor.role == Role.MANAGER and actor.user is not None:
        rows = rows.filter(experiment__managers=actor.user)
    elif not may_switch_tests_off(actor):
        return set()
    return set(rows.order_by().values_list("pk", flat=True))


def may_switch_tests_off(actor: Actor) -> bool:
    """Whether this person may do it for anybody at all; the service asks again."""
    return actor.role in {Role.QA, Role.SUPERUSER}


def _searched(rows: QuerySet[_Row], search: QaSearch, more: Q) -> QuerySet[_Row]:
    if search.text:
        words = search.text
        who = Q(user_id__icontains=words) | Q(device_id__icontains=words)
        by = Q()
        for name in ("username", "first_name", "last_name"):
            by |= Q(**{f"created_by__{name}__icontains": words})
        rows = rows.filter(who | Q(reason__icontains=words) | by | more)
    over = Q(expires_at__lte=clock.now())
    if search.state == "expired":
        rows = rows.filter(over)
    elif search.state == "in_force":
        rows = rows.exclude(over)
    return rows
