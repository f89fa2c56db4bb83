"""Starts that a second person approves: those that wait, and those that may begin."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from console.facts import Approval, Facts, facts_for
from core.http import HtmxRequest
from experiments.lifecycle import Status


@require_safe
def approval_list(request: HtmxRequest) -> HttpResponse:
    """Tests in dev for whose start somebody asked, the longest waiting first."""
    asked = [
        (facts, facts.approval)
        for facts in facts_for(signed_in_actor(request))
        if facts.status == Status.DEV and facts.approval is not None
    ]
    asked.sort(key=_since)
    context = {
        "waiting": [row for row in asked if not row[1].is_given],
        "given": [row for row in asked if row[1].is_given],
        "is_needed": settings.START_NEEDS_APPROVAL,
    }
    return render(request, "console/approvals.html", context)


def _since(row: tuple[Facts, Approval]) -> tuple[object, str]:
    facts, approval = row
    return approval.requested_at, facts.key
