"""The filter catalogue: everybody reads it, superusers change it."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from audience.forms import FilterForm
from audience.models import Filter
from audience.services import archive_filter, create_filter, restore_filter, update_filter
from audience.views_editing import Editing, revision_of, superuser_of
from core.http import HtmxRequest

_EDITING = Editing("audience/filter_form.html", "audience:filter_list", "filter")


@require_safe
def filter_list(request: HtmxRequest) -> HttpResponse:
    """The whole catalogue, in the order in which editors offer it."""
    context = {"filters": Filter.objects.all(), "may_edit": signed_in_actor(request).is_superuser}
    return render(request, "audience/filters.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def filter_create(request: HtmxRequest) -> HttpResponse:
    """A new filter."""
    make = partial(create_filter, _superuser(request))
    form = FilterForm(request.POST or None)
    return _EDITING.create(
        request,
        form,
        make,
        lambda row: gettext("Conditions can ask for “%(filter)s” now.") % {"filter": row.label},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def filter_edit(request: HtmxRequest, name: str) -> HttpResponse:
    """Change what may change."""
    change = partial(update_filter, _superuser(request), name)
    edited = get_object_or_404(Filter, name=name)
    form = FilterForm(request.POST or None, edited=edited)
    return _EDITING.edit(
        request, edited, form, change, lambda row: gettext("“%(filter)s” is saved.") % {"filter": row.label}
    )


@require_POST
def filter_archive(request: HtmxRequest, name: str, act: str) -> HttpResponse:
    """Offer it no more, or again."""
    change = {"archive": archive_filter, "restore": restore_filter}[act]
    changed = change(signed_in_actor(request), name, revision=revision_of(request))
    said = (
        gettext("“%(filter)s” is archived: new conditions are not offered it.")
        if changed.archived
        else gettext("“%(filter)s” is offered again.")
    )
    messages.success(request, said % {"filter": changed.label})
    return redirect("audience:filter_list")


def _superuser(request: HtmxRequest) -> Actor:
    return superuser_of(request, gettext("Only superusers change the filter catalogue."))
