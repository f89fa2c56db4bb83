"""The calendar."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from console.gantt import WEEKS, gantt, window_from
from core.http import HtmxRequest
from experiments.forms.search import read_number
from experiments.list_rows import areas_of
from experiments.models import Kind
from experiments.selectors import visible_experiments

_LONGEST: Final = 64


@require_safe
def calendar_page(request: HtmxRequest) -> HttpResponse:
    """`?from=` is the first day, `?weeks=` how many are shown, `?area=` one area only; what makes no sense is left out."""
    actor = signed_in_actor(request)
    area = request.GET.get("area", "").replace("\x00", "").strip()[:_LONGEST]
    window = window_from(_day(request.GET.get("from", "")), read_number(request.GET, "weeks"))
    step = max(1, window.weeks // 2)
    context = {
        "calendar": gantt(actor, window, area),
        "area": area,
        "areas": areas_of(visible_experiments(actor, Kind.TEST)),
        "weeks": WEEKS,
        "earlier": window.moved(-step).isoformat(),
        "later": window.moved(step).isoformat(),
    }
    is_part = request.htmx and request.htmx.target == "calendar"
    template = "console/calendar.html#rows" if is_part else "console/calendar.html"
    return render(request, template, context)


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
