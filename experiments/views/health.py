"""The page on the health of the split groups, and asking for a check."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import signed_in_actor
from core.http import HtmxRequest
from experiments.forms.search import read_number
from experiments.health_report import latest_checks, latest_report
from experiments.models import HealthVerdict
from experiments.services import request_health_check

# A check takes seconds; who still polls after a minute is told to look later.
_MOST_POLLS = 60
_PAGE = "experiments/health/page.html"


@require_safe
def health_page(request: HtmxRequest) -> HttpResponse:
    """The latest check. With `?after=<check>` it polls by itself until there is a newer one."""
    context = _context(request)
    after, polls = read_number(request.GET, "after"), read_number(request.GET, "polls") or 0
    if after is not None and context["newest"] <= after:
        context |= {
            "waiting": polls < _MOST_POLLS,
            "is_late": polls >= _MOST_POLLS,
            "after": after,
            "polls": polls + 1,
        }
    is_part = request.htmx and request.htmx.target == "health"
    return render(request, f"{_PAGE}#health" if is_part else _PAGE, context)


@require_POST
def health_check(request: HtmxRequest) -> HttpResponse:
    """Check now, in the background."""
    request_health_check(signed_in_actor(request))
    if request.htmx:
        context = _context(request)
        context |= {"waiting": True, "after": context["newest"], "polls": 1}
        return render(request, f"{_PAGE}#health", context)
    messages.success(request, gettext("The split groups are being checked; reload in a moment."))
    return redirect("experiments:health_page")


def _context(request: HtmxRequest) -> dict[str, Any]:
    history = latest_checks()
    newest = history[0][0] if history else None
    actor = signed_in_actor(request)
    return {
        "report": latest_report(),
        "history": history,
        "newest": newest.pk if newest else 0,
        "failed": newest if newest and newest.verdict == HealthVerdict.FAILED else None,
        "may_check": actor.user is not None and actor.user.may_manage,
    }
