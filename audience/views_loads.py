"""Loads of users and the sources they come from: superusers see and change them."""

from __future__ import annotations

import csv
import gzip
import io
from functools import partial
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from audience.forms_sources import SourceForm
from audience.models import LoadRejects, LoadState, UserLoad, UserSource, Watermark
from audience.source_services import (
    archive_source,
    create_source,
    request_load,
    restore_source,
    update_source,
)
from audience.views_editing import Editing, revision_of, superuser_of
from core.http import HtmxRequest

PAGE_SIZE = 50
REJECTS_SHOWN = 20
_EDITING = Editing("audience/loads/source_form.html", "audience:load_list", "source")


@require_safe
def load_list(request: HtmxRequest) -> HttpResponse:
    """The sources and the history. While something runs, the part that changes asks for itself again."""
    _superuser(request)
    page = Paginator(UserLoad.objects.select_related("source", "kept_rejects"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    marks = {mark.name: mark for mark in Watermark.objects.all()}
    sources = list(UserSource.objects.all())
    for source in sources:
        source.mark = marks.get(source.name)  # type: ignore[attr-defined]  # for the template
    is_busy = any(source.requested_at is not None for source in sources) or any(
        load.state == LoadState.RUNNING for load in page
    )
    context = {"page": page, "sources": sources, "is_busy": is_busy}
    template = "audience/loads/overview.html" if request.htmx else "audience/loads/page.html"
    return render(request, template, context)


@require_safe
def load_page(request: HtmxRequest, load_id: int) -> HttpResponse:
    """One load: how far it is, what it did, which rows it left out."""
    _superuser(request)
    load = get_object_or_404(UserLoad.objects.select_related("source"), pk=load_id)
    kept = LoadRejects.objects.filter(load=load).first()
    context: dict[str, Any] = {"load": load, "kept": kept}
    if kept is not None:
        rows = csv.reader(io.StringIO(gzip.decompress(kept.content).decode(), newline=""))
        context["rejects"] = list(islice(rows, 1, REJECTS_SHOWN + 1))
    template = "audience/loads/load_card.html" if request.htmx else "audience/loads/load.html"
    return render(request, template, context)


@require_safe
def load_rejects(request: HtmxRequest, load_id: int) -> HttpResponse:
    """The rows that were left out, as CSV."""
    _superuser(request)
    kept = get_object_or_404(LoadRejects, load_id=load_id)
    return HttpResponse(
        gzip.decompress(kept.content),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="rejects-{load_id}.csv"'},
    )


@require_POST
def source_load(request: HtmxRequest, name: str) -> HttpResponse:
    """Load from it now; `everything` reads it from its beginning."""
    actor = _superuser(request)
    source = request_load(actor, name, from_start=request.POST.get("everything") == "yes")
    messages.success(request, gettext("A worker loads users from %(name)s now.") % {"name": source.name})
    return redirect("audience:load_list")


@require_http_methods(["GET", "HEAD", "POST"])
def source_create(request: HtmxRequest) -> HttpResponse:
    """A new source."""
    make = partial(create_source, _superuser(request))
    form = SourceForm(request.POST or None)
    return _EDITING.create(
        request,
        form,
        make,
        lambda row: gettext("Users can be loaded from %(source)s now.") % {"source": row.name},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def source_edit(request: HtmxRequest, name: str) -> HttpResponse:
    """Change a source."""
    change = partial(update_source, _superuser(request), name)
    edited = get_object_or_404(UserSource, name=name)
    form = SourceForm(request.POST or None, edited=edited)
    return _EDITING.edit(
        request, edited, form, change, lambda row: gettext("%(source)s is saved.") % {"source": row.name}
    )


@require_POST
def source_archive(request: HtmxRequest, name: str, act: str) -> HttpResponse:
    """Load from it no more, or again."""
    change = {"archive": archive_source, "restore": restore_source}[act]
    changed = change(_superuser(request), name, revision=revision_of(request))
    said = (
        gettext("%(source)s is archived: nothing is loaded from it.")
        if changed.archived
        else gettext("%(source)s is back.")
    )
    messages.success(request, said % {"source": name})
    return redirect("audience:load_list")


def _superuser(request: HtmxRequest) -> Actor:
    return superuser_of(request, gettext("Only superusers look after the loads of users."))
