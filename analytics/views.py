"""The hits card of a test."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.models import Environment
from accounts.requests import signed_in_actor
from analytics.mismatch_words import said
from analytics.reports import HitsReport, hits_report, users_in_several
from analytics.selectors import hits_after, settings_groups_of, span_of
from analytics.store import StoreError
from analytics.timelines import BY, timeline, usual_grain
from core.errors import NotFound
from core.http import HtmxRequest
from experiments.forms.search import read_number
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.selectors import experiment_for, settings_group_of


@require_safe
def hits_card(request: HtmxRequest, key: str) -> HttpResponse:
    """Of the current settings in production, or of `?settings=<number>`, `?environment=`; `?by=hour|day` is how it is drawn."""
    experiment = experiment_for(signed_in_actor(request), Kind.TEST, key)
    template = "analytics/hits/card.html" if request.htmx else "analytics/hits/page.html"
    return render(request, template, _context(request, experiment))


@require_safe
def several_note(request: HtmxRequest, key: str) -> HttpResponse:
    """How many users saw more than one variant: what the counters cannot tell, asked of the store and apart from the card."""
    experiment = experiment_for(signed_in_actor(request), Kind.TEST, key)
    shown = asked_settings(request, experiment)
    context: dict[str, Any] = {"experiment": experiment, "shown": shown}
    if shown is not None:
        try:
            context["several"] = users_in_several(shown, asked_environment(request))
        except StoreError as error:
            context["problem"] = error.detail
    template = "analytics/hits/several.html" if request.htmx else "analytics/hits/several_page.html"
    return render(request, template, context)


def _context(request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
    environment = asked_environment(request)
    shown = asked_settings(request, experiment)
    context: dict[str, Any] = {
        "experiment": experiment,
        "kind": experiment.kind,
        "environment": environment,
        "environments": Environment.choices,
        "shown": shown,
        "groups": settings_groups_of(experiment),
        "production": span_of(experiment, Environment.PRODUCTION),
        "is_dev": experiment.status == Status.DEV,
        "is_running": experiment.status == Status.RUNNING,
    }
    if experiment.finished_at is not None:
        context["hits_since_finish"] = hits_after(experiment, experiment.finished_at)
    if shown is not None:
        report = hits_report(shown, environment)
        context |= {"report": report, "said": said(report.ratio), **_drawn(request, report)}
    return context


def _drawn(request: HttpRequest, report: HitsReport) -> dict[str, Any]:
    asked = request.GET.get("by")
    by = asked if asked in BY else usual_grain(report)
    return {"by": by, "timeline": timeline(report, by)}


def asked_environment(request: HttpRequest) -> str:
    """Of `?environment=`, production unless it names another."""
    asked = request.GET.get("environment", "")
    return asked if asked in Environment.values else Environment.PRODUCTION.value


def asked_settings(request: HttpRequest, experiment: Experiment) -> SettingsGroup | None:
    """The current settings, or those asked for. Raises NotFound for settings that there are not."""
    number = read_number(request.GET, "settings")
    if number is None or (experiment.current is not None and experiment.current.number == number):
        return experiment.current
    found = settings_group_of(experiment, number)
    if not found.variants.exists():
        raise NotFound(gettext("These settings have no variants."))
    return found
