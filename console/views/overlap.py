"""The overlap map, and two tests beside each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from console.overlap_map import LEVELS, overlap_map
from console.overlap_pair import meet, pair_report
from core.http import HtmxRequest
from experiments.lifecycle import UNFINISHED, Status
from experiments.list_rows import areas_of
from experiments.models import Kind
from experiments.selectors import experiment_for, visible_experiments

_LONGEST: Final = 100
_SHOWS: Final = {"": UNFINISHED, "running": (Status.RUNNING, Status.PAUSED)}


# A map of two hundred tests has twenty thousand numbers.
@gzip_page
@require_safe
def overlap_page(request: HtmxRequest) -> HttpResponse:
    """`?area=` one area only, `?show=running` without what is planned, `?q=` pairs of tests that are called so."""
    actor = signed_in_actor(request)
    area, text = (_text(request.GET.get(name, "")) for name in ("area", "q"))
    show = request.GET.get("show", "")
    shown = overlap_map(actor, area, _SHOWS.get(show, UNFINISHED))
    pairs, more = shown.largest(text)
    context = {
        "map": shown,
        "pairs": pairs,
        "more": more,
        "area": area,
        "text": text,
        "show": show,
        "areas": areas_of(visible_experiments(actor, Kind.TEST).unfinished()),
        "levels": _levels(),
    }
    is_part = request.htmx and request.htmx.target == "overlap"
    template = "console/overlap.html#map" if is_part else "console/overlap.html"
    return render(request, template, context)


@require_safe
def overlap_pair(request: HtmxRequest, key: str, other: str) -> HttpResponse:
    """Variants of one test × variants of the other."""
    actor = signed_in_actor(request)
    first, second = (experiment_for(actor, Kind.TEST, one) for one in (key, other))
    do_meet = meet(first, second)
    context = {
        "first": first,
        "second": second,
        "pair": (first, second),
        # Who owns the same split groups one after the other has nobody in both.
        "report": pair_report(first, second) if first.pk != second.pk and do_meet else None,
        "meet": do_meet,
    }
    return render(request, "console/overlap_pair.html", context)


def _levels() -> list[tuple[int, str]]:
    """The colours of the map and what they stand for."""
    bounds = [f"{bound * 100:g}" for bound in LEVELS]
    labels = [gettext("below %(share)s %%") % {"share": bounds[0]}]
    labels += [
        gettext("%(low)s to %(high)s %%") % {"low": low, "high": high} for low, high in pairwise(bounds)
    ]
    return list(enumerate([*labels, gettext("%(share)s %% and more") % {"share": bounds[-1]}]))


def _text(text: str) -> str:
    return text.replace("\x00", "").strip()[:_LONGEST]
