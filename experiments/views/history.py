"""The changelog: the card on a test's page, the page of one test, the page of everything, and the file."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from changelog.export import csv_pieces
from changelog.models import Entry, SubjectKind, Verb
from core.http import HtmxRequest
from experiments.forms.search import read_entry_search, read_number
from experiments.history import entries_of, matching_entries, present_keys, visible_entries
from experiments.models import Kind
from experiments.views.access import Access, access_to

LATEST = 8
PAGE_SIZE = 50


@require_safe
def entry_list(request: HtmxRequest) -> HttpResponse:
    """Everything that this person may know of."""
    return _page(request, visible_entries(signed_in_actor(request)), {})


@require_safe
def experiment_entry_list(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The history of one test or user group."""
    access = access_to(request, kind, key)
    return _page(request, entries_of(access.experiment), {"experiment": access.experiment, "kind": kind})


@require_safe
def entry_export(request: HtmxRequest) -> HttpResponseBase:
    """The same as a file, as filtered."""
    return _file(request, visible_entries(signed_in_actor(request)), "changelog.csv")


@require_safe
def experiment_entry_export(request: HtmxRequest, kind: str, key: str) -> HttpResponseBase:
    """The history of one as a file."""
    access = access_to(request, kind, key)
    return _file(request, entries_of(access.experiment), f"changelog-{access.experiment.key}.csv")


@require_safe
def latest_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The newest entries; `?people=1` hides what machines wrote."""
    access = access_to(request, kind, key)
    context = latest_context(access, people_only=bool(request.GET.get("people")))
    return render(request, "changelog/card.html", context)


def latest_context(access: Access, *, people_only: bool) -> dict[str, Any]:
    """Everything the card shows."""
    entries = entries_of(access.experiment)
    if people_only:
        entries = entries.filter(by_machine=False)
    return {
        "entries": list(entries[:LATEST]),
        "people_only": people_only,
        "experiment": access.experiment,
        "kind": access.experiment.kind,
    }


def _page(request: HtmxRequest, entries: QuerySet[Entry], context: dict[str, Any]) -> HttpResponse:
    """Paged by id: the next page stays the next page while entries are added."""
    search = read_entry_search(request.GET)
    found = matching_entries(entries, search)
    before = read_number(request.GET, "before")
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE_SIZE + 1])
    has_older = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    keys = present_keys(rows)
    context = {
        **context,
        "entries": [{"entry": entry, "link": _link(entry, keys)} for entry in rows],
        "older": rows[-1].pk if has_older else None,
        "is_later_page": before is not None,
        "search": search,
        "kinds": SubjectKind.choices,
        "entry_verbs": Verb.choices,
    }
    template = (
        "changelog/page.html#results"
        if request.htmx and request.htmx.target == "results"
        else "changelog/page.html"
    )
    return render(request, template, context)


def _link(entry: Entry, keys: dict[int, str]) -> dict[str, str] | None:
    """Where the subject of an entry has its page, if it has one."""
    if entry.subject_kind in Kind.values and entry.subject_id in keys:
        return {"kind": entry.subject_kind, "key": keys[entry.subject_id]}
    return None


def _file(request: HtmxRequest, entries: QuerySet[Entry], name: str) -> StreamingHttpResponse:
    found = matching_entries(entries, read_entry_search(request.GET))
    response = StreamingHttpResponse(
        csv_pieces(found.iterator(chunk_size=1_000)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
