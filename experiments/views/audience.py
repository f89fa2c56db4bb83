"""The audience card: how many users, in which variant, and in which other tests they are too."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from core.http import HtmxRequest
from experiments.audience_report import AudienceReport, audience_report
from experiments.forms.search import read_number
from experiments.models import AudienceCount
from experiments.selectors import visible_ids
from experiments.services import request_recount
from experiments.views.access import Access, access_to, acting_access_to

# A recount takes seconds; who still polls after a minute is told to look later.
_MOST_POLLS = 60


@require_safe
def audience_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The latest count. With `?after=<count>` it polls by itself until there is a newer one."""
    access = access_to(request, kind, key)
    context = _context(access)
    after, polls = read_number(request.GET, "after"), read_number(request.GET, "polls") or 0
    if after is not None and context["count_id"] is not None and context["count_id"] <= after:
        context |= {
            "waiting": polls < _MOST_POLLS,
            "is_late": polls >= _MOST_POLLS,
            "after": after,
            "polls": polls + 1,
        }
    template = "experiments/audience/card.html" if request.htmx else "experiments/audience/page.html"
    return render(request, template, context)


@require_POST
def audience_recount(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Count again, in the background."""
    access = acting_access_to(request, kind, key)
    context = _context(access)
    if access.experiment.current is not None and context["count_id"] is not None:
        request_recount(access.actor, access.experiment, access.experiment.current.number)
        context |= {"waiting": True, "after": context["count_id"], "polls": 1}
    if request.htmx:
        return render(request, "experiments/audience/card.html", context)
    messages.success(request, "Counting again; reload in a moment.")
    return redirect("experiments:audience_card", kind=kind, key=key)


def _context(access: Access) -> dict[str, Any]:
    experiment = access.experiment
    current = experiment.current
    report = audience_report(current) if current is not None else None
    newest = (
        AudienceCount.objects.filter(settings_group=current)
        .order_by("-id")
        .values_list("pk", flat=True)
        .first()
    )
    return {
        "access": access,
        "experiment": experiment,
        "kind": experiment.kind,
        "report": report,
        "count_id": newest,
        "overlaps": _overlaps(access, report) if report else [],
    }


def _overlaps(access: Access, report: AudienceReport) -> list[dict[str, Any]]:
    """The intersections; of a draft that this person cannot know only the numbers are shown."""
    others = [shared.experiment.pk for shared in report.intersections]
    known = visible_ids(access.actor, access.experiment.kind, others)
    return [{"shared": shared, "is_known": shared.experiment.pk in known} for shared in report.intersections]
