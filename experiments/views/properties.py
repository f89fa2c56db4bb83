"""The properties card."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from core.errors import InvalidInput, StaleTransition
from core.http import HtmxRequest
from experiments.forms.properties import PropertiesForm, initial_properties, suggested_areas
from experiments.forms.search import read_number
from experiments.services import edit_properties
from experiments.services.property_rules import LABELS, TEST_ONLY
from experiments.views.access import Access, access_to, acting_access_to


@require_safe
def properties_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The card as people read it."""
    access = access_to(request, kind, key)
    if not request.htmx:
        return redirect("experiments:experiment_page", kind=kind, key=key)
    return render(
        request, "experiments/properties/card.html", {"access": access, "experiment": access.experiment}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def properties_edit(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The card as a form. What was typed stays when it is refused, or when somebody else was faster."""
    access = acting_access_to(request, kind, key)
    experiment = access.experiment
    is_fixed = experiment.published_at is not None
    if request.method != "POST":
        form = PropertiesForm(kind, initial=initial_properties(experiment), key_is_fixed=is_fixed)
        return _form(request, access, form)
    form = PropertiesForm(kind, request.POST, key_is_fixed=is_fixed)
    if not form.is_valid():
        return _form(request, access, form, status=422)
    try:
        saved = edit_properties(
            access.actor, experiment, form.properties(), read_number(request.POST, "revision")
        )
    except InvalidInput as refusal:
        form.refuse(refusal)
        return _form(request, access, form, status=422)
    except StaleTransition as refusal:
        fresh = access_to(request, kind, key)
        return _form(request, fresh, form, status=409, stale=refusal.detail, theirs=_theirs(fresh, form))
    if not request.htmx or saved.key != key:
        messages.success(request, gettext("Saved."))
        target = redirect("experiments:experiment_page", kind=kind, key=saved.key)
        return HttpResponseClientRedirect(target.url) if request.htmx else target
    access = access_to(request, kind, saved.key)
    card = render(
        request,
        "experiments/properties/card.html",
        {"access": access, "experiment": access.experiment, "saved": True},
    )
    return trigger_client_event(card, "experiment-changed")


def _form(
    request: HtmxRequest, access: Access, form: PropertiesForm, status: int = 200, **more: Any
) -> HttpResponse:
    template = "experiments/properties/form.html" if request.htmx else "experiments/properties/page.html"
    context = {
        "access": access,
        "experiment": access.experiment,
        "kind": access.experiment.kind,
        "form": form,
        "areas": suggested_areas(access.experiment.kind),
        **more,
    }
    return render(request, template, context, status=status)


def _theirs(access: Access, form: PropertiesForm) -> list[tuple[str, object, object]]:
    """(label, saved by somebody else, typed here) of every field that differs."""
    saved, typed = initial_properties(access.experiment), form.properties()
    left_out = set() if access.experiment.is_test else TEST_ONLY
    rows = []
    for name, label in LABELS.items():
        theirs, mine = _text(saved[name]) or "", _text(typed.get(name)) or ""
        if name in typed and name not in left_out and theirs != mine:
            rows.append((label, theirs, mine))
    return rows


def _text(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) else value
