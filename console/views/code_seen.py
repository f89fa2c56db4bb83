"""The line of a test's checklist that only hits can answer: whether its code is in production."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.models import Environment
from accounts.requests import signed_in_actor
from analytics.selectors import span_of
from core.http import HtmxRequest
from core.moments import day_words
from experiments.checklist import CheckItem
from experiments.models import Experiment, Kind
from experiments.selectors import experiment_for


@require_safe
def code_seen(request: HtmxRequest, key: str) -> HttpResponse:
    """The line for the checklist; whoever opens its address gets the page of the test."""
    experiment = experiment_for(signed_in_actor(request), Kind.TEST, key)
    if not request.htmx:
        return redirect("experiments:experiment_page", kind=Kind.TEST.value, key=experiment.key)
    return render(request, "experiments/checklist_item.html", {"item": code_item(experiment)})


def code_item(experiment: Experiment) -> CheckItem:
    """Advice: a test can be started before its code is there, and then nobody sees anything."""
    first = span_of(experiment, Environment.PRODUCTION).first_at
    if first is not None:
        text = gettext("Its code is in production: the first hit came on %(day)s") % {"day": day_words(first)}
        return CheckItem(text, True, "hits", is_advice=True)
    tried = span_of(experiment, Environment.DEVEL).first_at
    if tried is not None:
        text = gettext("Its code is only in devel so far, since %(day)s") % {"day": day_words(tried)}
        return CheckItem(text, False, "hits", is_advice=True)
    return CheckItem(
        gettext("No hit has come from production yet: is its code there?"), False, "code", is_advice=True
    )
