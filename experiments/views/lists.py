"""The list of user groups, and making a new test or user group."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from core.errors import InvalidInput, NotAllowed
from core.http import HtmxRequest
from experiments.forms.properties import PropertiesForm, suggested_areas
from experiments.forms.search import read_wanted
from experiments.list_rows import (
    areas_of,
    audience_totals,
    managers_of,
    matching,
    status_counts,
    with_list_columns,
)
from experiments.models import Experiment, Kind
from experiments.models.experiment import StatusChoices
from experiments.saved_conditions import numbers_of_uses
from experiments.selectors import visible_experiments
from experiments.services import create_experiment

PAGE_SIZE = 50


@require_safe
def group_list(request: HtmxRequest) -> HttpResponse:
    """User groups, by status; typing in the search asks for the part below it only."""
    actor = signed_in_actor(request)
    visible = visible_experiments(actor, Kind.GROUP)
    wanted = read_wanted(request.GET)
    found = matching(visible, wanted)
    counts = status_counts(found)
    shown = found.filter(status=wanted.status) if wanted.status else found
    paginator = Paginator(with_list_columns(shown), PAGE_SIZE)
    # The counts by status are the count: no need to ask a second time.
    paginator.__dict__["count"] = counts[wanted.status] if wanted.status else sum(counts.values())
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _rows(list(page.object_list), actor),
        "tabs": [
            ("", gettext("All"), sum(counts.values())),
            *((value, label, counts[value]) for value, label in StatusChoices.choices),
        ],
        "wanted": wanted,
    }
    if request.htmx and request.htmx.target == "results":
        return render(request, "experiments/list.html#results", context)
    context |= {
        "areas": areas_of(visible),
        "managers": managers_of(visible),
        "may_create": actor.user.may_manage,  # type: ignore[union-attr]  # a person
    }
    return render(request, "experiments/list.html", context)


def _rows(groups: list[Experiment], actor: Actor) -> list[dict[str, Any]]:
    """Each group with how many users meet its conditions (None: not counted) and in how many tests and groups they are used."""
    totals = audience_totals(group.current_id for group in groups if group.current_id)
    uses = numbers_of_uses(groups, actor)
    return [
        {
            "one": group,
            "users": totals[group.current_id].users if group.current_id in totals else None,
            "uses": uses[group.pk],
        }
        for group in groups
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def experiment_create(request: HtmxRequest, kind: str) -> HttpResponse:
    """A new draft."""
    actor = signed_in_actor(request)
    if actor.user is None or not actor.user.may_manage:
        raise NotAllowed(gettext("Only managers and superusers create tests and user groups."))
    status = 200
    form = PropertiesForm(kind, initial={"managers": [actor.user.username]})
    if request.method == "POST":
        form, status = PropertiesForm(kind, request.POST), 422
        if form.is_valid():
            try:
                experiment = create_experiment(actor, kind, form.properties())
            except InvalidInput as refusal:
                form.refuse(refusal)
            else:
                messages.success(
                    request,
                    gettext("“%(name)s” is a draft now. Next: its settings.") % {"name": experiment.name},
                )
                return redirect("experiments:experiment_page", kind=kind, key=experiment.key)
    context = {"kind": kind, "form": form, "areas": suggested_areas(kind)}
    return render(request, "experiments/create.html", context, status=status)
