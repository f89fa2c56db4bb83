"""Where a user group's conditions are used."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from core.errors import NotFound
from core.http import HtmxRequest
from experiments.saved_conditions import uses_of
from experiments.views.access import access_to


@require_safe
def uses_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The card: tests and groups whose conditions hold this group's, as they are or as they were."""
    access = access_to(request, kind, key)
    if access.experiment.is_test:
        raise NotFound(gettext("Only user groups are used as conditions."))
    if not request.htmx:
        return redirect("experiments:experiment_page", kind=kind, key=key)
    context = {"experiment": access.experiment, "uses": uses_of(access.experiment, access.actor)}
    return render(request, "experiments/uses.html", context)
