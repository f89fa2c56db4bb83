"""The card "Is it worth running?": a form that is asked by GET, so that an answer has an address."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from core.errors import Conflict, InvalidInput, NotFound
from core.http import HtmxRequest
from experiments.forms.worth import WorthForm
from experiments.models import AudienceCount, SettingsGroup
from experiments.views.access import access_to
from experiments.worth import Worth, worth_of
from experiments.worth_asked import read_asked
from experiments.worth_words import effect_in_words, notes, sentences


@require_safe
def worth_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The form; with `?baseline=…` the answer below it. Nothing is computed before somebody asks."""
    access = access_to(request, kind, key)
    experiment = access.experiment
    if not experiment.is_test:
        raise NotFound(gettext("A user group has no variants to compare."))
    context: dict[str, Any] = {"experiment": experiment, "kind": kind}
    status = 200
    users = _counted_users(experiment.current)
    if experiment.current is not None and users is not None:
        asked = "baseline" in request.GET
        form = WorthForm(users, request.GET if asked else None)
        context["form"] = form
        if asked:
            answer, status = _answer(experiment.current, form)
            context |= answer
    template = "experiments/worth/card.html" if request.htmx else "experiments/worth/page.html"
    return render(request, template, context, status=status)


def _counted_users(settings_group: SettingsGroup | None) -> int | None:
    """Who meet the conditions, None while nobody counted."""
    if settings_group is None:
        return None
    count = AudienceCount.objects.filter(settings_group=settings_group).order_by("-id").first()
    return sum(count.users) if count else None


def _answer(settings_group: SettingsGroup, form: WorthForm) -> tuple[dict[str, Any], int]:
    """What the template shows, and the status."""
    if form.is_valid():
        try:
            return _shown(worth_of(settings_group, read_asked(form.asked()))), 200
        except InvalidInput as refusal:
            form.refuse(refusal)
        except Conflict as refusal:
            return {"refusal": refusal.detail}, 409
    return {}, 422


def _shown(worth: Worth) -> dict[str, Any]:
    measure = worth.asked.measure
    return {
        "worth": worth,
        "sentences": sentences(worth),
        "notes": notes(worth),
        "by_days": [
            {
                "days": row.days,
                "users": min(row.users.values()),
                "effect": effect_in_words(measure, row.smallest) if row.smallest else "",
                "reason": row.reason,
            }
            for row in worth.by_days
        ],
        "by_effects": [
            {
                "effect": effect_in_words(measure, row.effect),
                "users": min(row.users.values(), default=None),
                "days": row.days,
                "reason": row.reason,
            }
            for row in worth.by_effects
        ],
    }
