"""The filter catalogue: everybody reads it, superusers change it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from audience.forms import FilterForm
from audience.models import Filter
from audience.services import archive_filter, create_filter, restore_filter, update_filter
from core.errors import InvalidInput, NotAllowed, StaleTransition
from core.http import HtmxRequest


@require_safe
def filter_list(request: HtmxRequest) -> HttpResponse:
    """The whole catalogue, in the order in which editors offer it."""
    context = {"filters": Filter.objects.all(), "may_edit": signed_in_actor(request).is_superuser}
    return render(request, "audience/filters.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def filter_create(request: HtmxRequest) -> HttpResponse:
    """A new filter."""
    actor = _superuser(request)
    form, status = FilterForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                created = create_filter(actor, **form.values())
            except InvalidInput as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, f"Conditions can ask for “{created.label}” now.")
                return redirect("audience:filter_list")
    return render(request, "audience/filter_form.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def filter_edit(request: HtmxRequest, name: str) -> HttpResponse:
    """Change what may change. Somebody else's change in between keeps what was typed and says so."""
    actor = _superuser(request)
    edited = get_object_or_404(Filter, name=name)
    form, status, stale = FilterForm(request.POST or None, edited=edited), 200, ""
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                update_filter(actor, name, revision=_revision(request), **form.values())
            except InvalidInput as refusal:
                form.refuse(refusal)
            except StaleTransition as refusal:
                status, stale = 409, refusal.detail
            else:
                messages.success(request, f"“{form.cleaned_data['label']}” is saved.")
                return redirect("audience:filter_list")
    context = {"form": form, "filter": edited, "stale": stale}
    return render(request, "audience/filter_form.html", context, status=status)


@require_POST
def filter_archive(request: HtmxRequest, name: str, act: str) -> HttpResponse:
    """Offer it no more, or again."""
    change = {"archive": archive_filter, "restore": restore_filter}[act]
    changed = change(signed_in_actor(request), name, revision=_revision(request))
    said = "is archived: new conditions are not offered it" if changed.archived else "is offered again"
    messages.success(request, f"“{changed.label}” {said}.")
    return redirect("audience:filter_list")


def _superuser(request: HtmxRequest) -> Actor:
    actor = signed_in_actor(request)
    if not actor.is_superuser:
        raise NotAllowed("Only superusers change the filter catalogue.")
    return actor


def _revision(request: HtmxRequest) -> int:
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
