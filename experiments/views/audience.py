"""The audience card: how many users, in which variant, and in which other tests they are too."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from core.http import HtmxRequest
from experiments.audience_report import (
    AudienceReport,
    Intersection,
    VariantAudience,
    audience_report,
    warnings_for,
)
from experiments.audience_rows import OverlapRow, TwoWay, balance_in_words, overlap_row
from experiments.forms.search import read_number
from experiments.models import AudienceCount, Draw, RecountRequest, SettingsGroup
from experiments.selectors import settings_group_of, shown_keys, visible_ids
from experiments.services import request_recount
from experiments.views.access import Access, access_to, acting_access_to

# With hundreds of live tests nobody reads the pairs of variants of each; `?all=1` shows them.
_PAIRS_SHOWN = 30
# A recount takes seconds; who still polls after a minute is told to look later.
_MOST_POLLS = 60


@require_safe
def audience_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The latest count of the current settings, or of `?settings=<number>`. With `?after=<count>` it polls by itself until
    there is a newer one."""
    access = access_to(request, kind, key)
    context = _context(access, read_number(request.GET, "settings"), show_all=bool(request.GET.get("all")))
    after, polls = read_number(request.GET, "after"), read_number(request.GET, "polls") or 0
    if after is not None and context["count_id"] is not None and context["count_id"] <= after:
        is_over = polls >= _MOST_POLLS or bool(context["recount_problem"])
        context |= {
            "waiting": not is_over,
            "is_late": is_over and not context["recount_problem"],
            "after": after,
            "polls": polls + 1,
        }
    template = "experiments/audience/card.html" if request.htmx else "experiments/audience/page.html"
    return render(request, template, context)


@require_POST
def audience_recount(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Count again, in the background."""
    access = acting_access_to(request, kind, key)
    context = _context(access, read_number(request.POST, "settings"))
    if context["count_id"] is not None:
        request_recount(access.actor, access.experiment, context["shown"].number)
        context |= {"waiting": True, "recount_problem": "", "after": context["count_id"], "polls": 1}
    if request.htmx:
        return render(request, "experiments/audience/card.html", context)
    messages.success(request, gettext("Counting again; reload in a moment."))
    address = reverse("experiments:audience_card", kwargs={"kind": kind, "key": key})
    return redirect(f"{address}?settings={context['number']}" if context["number"] else address)


def _context(access: Access, number: int | None, *, show_all: bool = False) -> dict[str, Any]:
    """`number` is None for the settings that are current. Raises NotFound for one that there is not."""
    experiment = access.experiment
    shown = experiment.current if number is None else settings_group_of(experiment, number)
    report = audience_report(shown) if shown is not None else None
    context = {
        "access": access,
        "experiment": experiment,
        "kind": experiment.kind,
        "number": number,
        "shown": shown,
        "report": report,
        "count_id": None,
        "recount_problem": "",
    }
    if shown is None or report is None:
        return context
    newest = AudienceCount.objects.filter(settings_group=shown).order_by("-id")
    problem = RecountRequest.objects.filter(settings_group=shown).values_list("error", flat=True).first()
    others = [shared.experiment.pk for shared in report.intersections]
    known = visible_ids(access.actor, experiment.kind, others)
    return context | {
        "count_id": newest.values_list("pk", flat=True).first(),
        "recount_problem": problem or "",
        "variants": [(variant, *_sizes(variant, report)) for variant in report.variants],
        "overlaps": _overlaps(report, known, show_all=show_all),
        "warnings": warnings_for(shown, report, known),
        "draw": _draw(access, shown, report),
    }


def _sizes(variant: VariantAudience, report: AudienceReport) -> tuple[int, float]:
    """(split groups, share of the audience) of a variant."""
    groups = sum(last - first + 1 for first, last in variant.split_groups)
    return groups, variant.users / report.users if report.users else 0.0


def _overlaps(report: AudienceReport, known: Collection[int], *, show_all: bool) -> dict[str, Any]:
    """The intersections, with users (the largest, and how many `more` there are) or without; of a draft that this person cannot
    know only the numbers are shown."""
    users = {variant.name: variant.users for variant in report.variants}
    meeting = [shared for shared in report.intersections if shared.users]
    apart = [shared for shared in report.intersections if not shared.users]
    shown = meeting if show_all else meeting[:_PAIRS_SHOWN]

    def row(shared: Intersection) -> OverlapRow:
        return overlap_row(shared, users, is_known=shared.experiment.pk in known)

    return {
        "meeting": [row(shared) for shared in shown],
        "more": len(meeting) - len(shown),
        # Only their names are told: hundreds of empty tables of variants would be most of the work.
        "apart": [OverlapRow(shared, shared.experiment.pk in known, TwoWay([], [])) for shared in apart],
    }


def _draw(access: Access, settings_group: SettingsGroup, report: AudienceReport) -> dict[str, Any] | None:
    """How it was drawn; None for user groups."""
    draw = Draw.objects.filter(settings_group=settings_group).first()
    if draw is None:
        return None
    return {
        "objective": draw.get_objective_display(),
        "exclusive_with": shown_keys(access.actor, settings_group.exclusive_with),
        "seed": draw.seed,
        "drawn_at": draw.drawn_at,
        "counted_with": report.drawn_with,
        "is_recounted": report.drawn_with != report.counted_at,
        "moves": report.moves,
        "balance": balance_in_words(draw.log),
    }
