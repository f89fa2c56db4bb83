"""The capacity calendar: when there is room for another test."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from core.http import HtmxRequest
from experiments.capacity_report import CapacityReport, capacity_report
from experiments.forms.capacity import RoomForm
from experiments.percents import format_percent


@require_safe
def capacity_page(request: HtmxRequest) -> HttpResponse:
    """Free split groups by day; with `?groups=` (and `&days=`) the first day on which there is that much room."""
    report = capacity_report(signed_in_actor(request))
    form = RoomForm(request.GET) if "groups" in request.GET else RoomForm()
    is_wrong = form.is_bound and not form.is_valid()
    context = {"report": report, "form": form, "answer": _answer(report, form)}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK
    return render(request, "experiments/capacity/page.html", context, status=status)


def _answer(report: CapacityReport, form: RoomForm) -> dict[str, Any] | None:
    if not form.is_bound or not form.is_valid():
        return None
    groups, days = form.cleaned_data["groups"], form.cleaned_data["days"]
    return {
        "groups": groups,
        "percent": format_percent(groups),
        "days": days,
        "date": report.calendar.earliest(groups, days),
    }
