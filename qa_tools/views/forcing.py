"""Forced users: who is put into which variant, and which app servers have it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import Actor
from accounts.models import Environment
from accounts.requests import signed_in_actor
from core.errors import Conflict, InvalidInput, NotFound
from core.http import HtmxRequest
from delivery.subjects import MAX_ID
from experiments.models import Experiment, ForcedUser, Kind
from experiments.selectors import experiment_for
from experiments.services import force_user, force_users, unforce_user
from qa_tools.forms.forcing import ForceForm, ForceManyForm
from qa_tools.selectors import forced_users, forcible_tests, removable_ids
from qa_tools.spread import spread_of_forced
from qa_tools.views.rows import PAGE_SIZE, next_poll, read_search, template_of

_NO_TARGET = _("Choose a test and a variant.")


@require_http_methods(["GET", "HEAD", "POST"])
def forced_list(request: HtmxRequest) -> HttpResponse:
    """Everybody who is forced; a POST adds one."""
    actor = signed_in_actor(request)
    tests = forcible_tests(actor)
    # The check page leads here with whom it was about, the card of a test with the variant.
    asked = {name: request.GET.get(name, "")[:MAX_ID] for name in ("target", "user_id", "device_id")}
    form = ForceForm(request.POST if request.method == "POST" else None, tests=tests, initial=asked)
    if request.method == "POST" and form.is_valid():
        key, variant = form.target_of()
        given = form.cleaned_data
        try:
            experiment = _chosen(actor, key)
            forced = force_user(
                actor,
                experiment,
                variant,
                given["environment"],
                user_id=given["user_id"],
                device_id=given["device_id"],
                reason=given["reason"],
                expires_at=form.expires_at(),
            )
        except InvalidInput as refusal:
            form.complain(refusal)
        except Conflict as refusal:
            # The test was finished or withdrawn meanwhile: what was typed stays.
            form.add_error("target", refusal.detail)
        else:
            said = gettext("Forced: %(who)s. App servers have it within seconds.")
            messages.success(request, said % {"who": forced})
            return redirect("qa_tools:forced_list")
    context = _list_context(request) | {"form": form, "may_force": bool(tests)}
    template = template_of(request, "qa_tools/forced/page.html")
    return render(request, template, context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def forced_many(request: HtmxRequest) -> HttpResponse:
    """Paste a list of ids: all of them are forced, or none and the page says which lines are wrong."""
    actor = signed_in_actor(request)
    tests = forcible_tests(actor)
    form = ForceManyForm(request.POST if request.method == "POST" else None, tests=tests)
    if request.method == "POST" and form.is_valid():
        key, variant = form.target_of()
        given = form.cleaned_data
        try:
            experiment = _chosen(actor, key)
            made = force_users(
                actor,
                experiment,
                form.people(variant),
                given["environment"],
                reason=given["reason"],
                expires_at=form.expires_at(),
            )
        except InvalidInput as refusal:
            form.complain(refusal)
        except Conflict as refusal:
            form.add_error("target", refusal.detail)
        else:
            said = gettext("Forced %(n)s in “%(test)s”. App servers have it within seconds.")
            messages.success(request, said % {"n": f"{len(made):,}", "test": experiment.key})
            return redirect("qa_tools:forced_list")
    context = {"form": form, "may_force": bool(tests)}
    return render(request, "qa_tools/forced/many.html", context, status=422 if form.errors else 200)


def _chosen(actor: Actor, key: str) -> Experiment:
    if not key:
        raise InvalidInput.at("target", str(_NO_TARGET))
    return experiment_for(actor, Kind.TEST, key)


@require_POST
def forced_remove(request: HtmxRequest, forced_id: int) -> HttpResponse:
    """Let one go."""
    actor = signed_in_actor(request)
    forced = forced_users(actor).filter(pk=forced_id).first()
    if forced is None:
        raise NotFound(gettext("There is no such forced user; perhaps somebody removed it a moment ago."))
    unforce_user(actor, forced_id)
    said = gettext("No longer forced: %(who)s. App servers stop it within seconds.")
    messages.success(request, said % {"who": forced})
    if request.POST.get("from") == "card":
        return redirect(resolve_url("qa_tools:card", key=forced.experiment.key) + "?after")
    return redirect("qa_tools:forced_list")


def _list_context(request: HtmxRequest) -> dict[str, Any]:
    actor, search = signed_in_actor(request), read_search(request.GET)
    found = forced_users(actor, search).select_related("experiment__current")
    found = found.prefetch_related("experiment__current__variants")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    rows: list[ForcedUser] = list(page.object_list)
    spread = spread_of_forced(rows)
    removable = removable_ids(actor, [row.pk for row in rows])
    return {
        "page": page,
        "rows": [(row, spread[row.pk], row.pk in removable) for row in rows],
        "search": search,
        "environments": Environment.choices,
        "polls": next_poll(request, is_moving=any(one.is_moving for one in spread.values())),
    }
