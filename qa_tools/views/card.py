"""The QA card of a test: who is forced into it now, and the short ways to force and to check somebody."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from core.http import HtmxRequest
from experiments.models import Experiment, Kind
from experiments.selectors import experiment_for
from qa_tools.selectors import QaSearch, forced_users, may_force_into, removable_ids
from qa_tools.spread import spread_of_forced
from qa_tools.views.rows import next_poll

SHOWN: Final = 5


@never_cache
@require_safe
def card(request: HtmxRequest, key: str) -> HttpResponse:
    """The card; without htmx a page of its own."""
    actor = signed_in_actor(request)
    experiment = experiment_for(actor, Kind.TEST, key)
    context = _context(request, actor, experiment)
    answer = render(request, f"qa_tools/card/{'card' if request.htmx else 'page'}.html", context)
    # Somebody was just removed: the changelog's card tells of it.
    was_changed = request.htmx and request.htmx.target == "qa" and "after" in request.GET
    return trigger_client_event(answer, "history-changed") if was_changed else answer


def _context(request: HtmxRequest, actor: Actor, experiment: Experiment) -> dict[str, Any]:
    found = forced_users(actor, QaSearch(state="in_force")).filter(experiment=experiment)
    found = found.select_related("experiment__current").prefetch_related("experiment__current__variants")
    rows = list(found[: SHOWN + 1])
    more, rows = len(rows) > SHOWN, rows[:SHOWN]
    spread = spread_of_forced(rows)
    removable = removable_ids(actor, [row.pk for row in rows]) if rows else set()
    may_force = may_force_into(actor, experiment)
    return {
        "experiment": experiment,
        "kind": experiment.kind,
        "rows": [(row, spread[row.pk], row.pk in removable) for row in rows],
        "count": found.count() if more else len(rows),
        "may_force": may_force,
        "force_query": urlencode({"target": f"{experiment.key}:{_first_other(experiment)}"})
        if may_force
        else "",
        "polls": next_poll(request, is_moving=any(one.is_moving for one in spread.values())),
    }


def _first_other(experiment: Experiment) -> str:
    """The variant that people want to see: not what they get without the test."""
    assert experiment.current is not None
    variants = list(experiment.current.variants.order_by("is_control", "position"))
    return variants[0].name if variants else ""
