"""Home: what needs me, what is wrong, what this week brings, what changed."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.actors import Actor
from accounts.models import Role
from accounts.requests import signed_in_actor
from changelog.models import Entry
from console.facts import facts_for
from console.first_test import STEPS, next_step, steps_of
from console.first_test_facts import addresses_of, guidance_for, known_of
from console.needs import alarms, dates_ahead, need_groups
from core.http import HtmxRequest
from experiments.health_report import has_alarm
from experiments.history import present_keys, visible_entries
from experiments.lifecycle import Status
from experiments.list_rows import status_counts
from experiments.models import Kind
from experiments.models.experiment import StatusChoices
from experiments.selectors import visible_experiments

CHANGES_SHOWN: Final = 8
ALARMS_SHOWN: Final = 10
DATES_SHOWN: Final = 20
# The statuses in which somebody may be waiting, in the order in which people think of them.
_COUNTED: Final = (Status.RUNNING, Status.PAUSED, Status.DEV, Status.DRAFT, Status.FINISHED)
_MANAGE: Final = frozenset({Role.SUPERUSER, Role.MANAGER})


def _list_of(actor: Actor, *, mine_only: bool) -> str:
    """The address of the tests of which the page speaks."""
    address = reverse("console:test_list")
    if not mine_only or actor.user is None:
        return address
    return f"{address}?{urlencode({'manager': actor.user.username})}"


@require_safe
def home(request: HtmxRequest) -> HttpResponse:
    """Of the reader's own tests, or with `?of=everybody` of all; whoever manages none sees all."""
    actor = signed_in_actor(request)
    found = facts_for(actor)
    has_own = actor.role in _MANAGE and any(facts.is_mine for facts in found)
    mine_only = has_own and request.GET.get("of") != "everybody"
    shown = [facts for facts in found if facts.is_mine or not mine_only]
    wrong, dates = alarms(shown), dates_ahead(shown)
    counts = status_counts(visible_experiments(actor, Kind.TEST))
    context = {
        "has_own": has_own,
        "mine_only": mine_only,
        "groups": need_groups(actor, found, mine_only=mine_only),
        "has_tasks": actor.role != Role.VIEWER,
        "all_tests": _list_of(actor, mine_only=mine_only),
        "alarms": wrong[:ALARMS_SHOWN],
        "more_alarms": max(0, len(wrong) - ALARMS_SHOWN),
        "has_health_alarm": has_alarm(actor),
        "dates": dates[:DATES_SHOWN],
        "more_dates": max(0, len(dates) - DATES_SHOWN),
        "counts": [(status.value, StatusChoices(status).label, counts[status]) for status in _COUNTED],
        "is_empty": not sum(counts.values()),
        "may_create": actor.role in _MANAGE,
        "changes": _changes(actor),
        "first_test": _first_test(actor),
    }
    return render(request, "console/home.html", context)


def _first_test(actor: Actor) -> dict[str, Any] | None:
    """The next step of whoever is led through a first test, until it is finished."""
    guidance = guidance_for(actor)
    if guidance is None or not guidance.is_active:
        return None
    known = known_of(guidance)
    step = next_step(steps_of(known, addresses_of(guidance.experiment, known)))
    return {"experiment": guidance.experiment, "next": step, "count": STEPS} if step is not None else None


def _changes(actor: Actor) -> list[dict[str, Any]]:
    """What people did last, with the key that the test has now ("": it has no page)."""
    entries: list[Entry] = list(
        visible_entries(actor).filter(by_machine=False).order_by("-at", "-id")[:CHANGES_SHOWN]
    )
    keys = present_keys(entries)
    return [
        {
            "entry": entry,
            "key": keys.get(entry.subject_id or 0, "") if entry.subject_kind in Kind.values else "",
        }
        for entry in entries
    ]
