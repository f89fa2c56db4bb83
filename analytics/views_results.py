"""The results page of a test: what was tested, who saw it, what came of it. One page to read, to print and to hand on."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Environment
from accounts.requests import signed_in_actor
from analytics.effects_in_words import comparisons, shown_events
from analytics.mismatch_words import said
from analytics.reports import hits_report
from analytics.results import results_of
from analytics.selectors import settings_groups_of
from analytics.store import StoreError
from analytics.timelines import timeline, usual_grain
from analytics.views import asked_environment, asked_settings
from audience.catalogue import load_catalogue
from audience.conditions import describe_conditions
from core import clock
from core.http import HtmxRequest
from experiments.lifecycle import Status
from experiments.list_rows import audience_totals
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.selectors import experiment_for


@require_safe
def results_page(request: HtmxRequest, key: str) -> HttpResponse:
    """Of the current settings in production, or of `?settings=<number>`, `?environment=`. Effects load by themselves."""
    experiment = experiment_for(signed_in_actor(request), Kind.TEST, key)
    shown = asked_settings(request, experiment)
    environment = asked_environment(request)
    context: dict[str, Any] = {
        "experiment": experiment,
        "environment": environment,
        "environments": Environment.choices,
        "shown": shown,
        "groups": settings_groups_of(experiment),
        "is_over": experiment.status == Status.FINISHED,
        "now": clock.now(),
    }
    if shown is not None:
        context |= _seen(shown, environment)
    return render(request, "analytics/results/page.html", context)


def _seen(shown: SettingsGroup, environment: str) -> dict[str, Any]:
    """What the hits card says of these settings, and whom they were for."""
    report = hits_report(shown, environment)
    by = usual_grain(report)
    return {
        "report": report,
        "said": said(report.ratio),
        "timeline": timeline(report, by),
        "totals": audience_totals([shown.pk]).get(shown.pk),
        "sentence": describe_conditions(shown.conditions, load_catalogue()),
    }


@require_safe
def results_effects(request: HtmxRequest, key: str) -> HttpResponse:
    """What users did after they saw a variant, beside the control: asked of the store, and apart from the page."""
    experiment = experiment_for(signed_in_actor(request), Kind.TEST, key)
    context = {"experiment": experiment, **_effects(request, experiment)}
    template = "analytics/results/effects.html" if request.htmx else "analytics/results/effects_page.html"
    return render(request, template, context)


def _effects(request: HtmxRequest, experiment: Experiment) -> dict[str, Any]:
    shown = asked_settings(request, experiment)
    if shown is None:
        return {}
    try:
        results = results_of(shown, asked_environment(request))
    except StoreError as error:
        return {"shown": shown, "problem": error.detail}
    events = shown_events(results)
    return {"shown": shown, "results": results, "events": events, "comparisons": comparisons(events)}
