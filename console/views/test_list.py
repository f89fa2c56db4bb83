"""The test list: looked through, exported, tagged, its views kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import push_url

from accounts.actors import Actor
from accounts.requests import signed_in_actor, signed_in_person
from console.list_attention import attention_of, may_stand_out
from console.list_drawn import drawn
from console.list_export import csv_pieces
from console.list_rows import computed_order, in_order, list_rows_of, rows_of, with_newest_state
from console.list_wanted import Wanted, matching, query_of, read_wanted
from console.models import SavedView
from console.services import remove_view, save_view
from core.errors import InvalidInput
from core.http import HtmxRequest
from experiments.health_report import has_alarm
from experiments.list_rows import areas_of, managers_of, status_counts
from experiments.models import Experiment, Kind, Side
from experiments.models.experiment import ExperimentQuerySet, StatusChoices
from experiments.selectors import visible_experiments
from experiments.services import tag_experiments

PAGE_SIZE: Final = 50
_COLUMNS: Final = (
    ("name", _("Name"), "", ""),
    ("status", _("Status"), "d-none d-md-table-cell", ""),
    ("area", _("Area"), "d-none d-lg-table-cell", ""),
    ("users", _("Users per variant"), "", ""),
    ("start", _("Dates"), "d-none d-md-table-cell", ""),
    ("overlap", _("Overlap"), "d-none d-md-table-cell", _("without tests that own all split groups")),
    ("hits", _("Hits today"), "d-none d-md-table-cell text-end", ""),
    ("", _("Managers"), "d-none d-lg-table-cell", ""),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading. `sort` is what a click on it asks for, "" where there is nothing to sort by; `note` what it leaves out."""

    label: str
    css: str
    note: str
    sort: str
    direction: str


@require_safe
def test_list(request: HtmxRequest) -> HttpResponse:
    """The list, by status; typing in the search asks for the part below it only."""
    actor = signed_in_actor(request)
    visible = visible_experiments(actor, Kind.TEST)
    wanted = read_wanted(request.GET)
    found = _found(visible, wanted)
    counts = status_counts(found)
    number = counts[wanted.status] if wanted.status else sum(counts.values())
    page, experiments = _page(actor, _of_status(found, wanted), wanted, number, request.GET.get("page"))
    rows, may_create = rows_of(actor, experiments), actor.user is not None and actor.user.may_manage
    context: dict[str, Any] = {
        "page": page,
        "rows": rows,
        "drawn": drawn(rows, may_create=may_create),
        "tabs": [
            ("", gettext("All"), sum(counts.values())),
            *((value, label, counts[value]) for value, label in StatusChoices.choices),
        ],
        "headings": _headings(wanted),
        "wanted": wanted,
        "query": query_of(wanted),
        "may_create": may_create,
    }
    if request.htmx and request.htmx.target == "results":
        return push_url(render(request, "console/tests/results.html", context), _address(wanted))
    context |= {
        "areas": areas_of(visible),
        "managers": managers_of(visible),
        "sides": Side.choices,
        "has_health_alarm": has_alarm(actor),
        "views": list(SavedView.objects.filter(person=signed_in_person(request))),
    }
    return render(request, "console/tests/page.html", context)


@require_safe
def test_export(request: HtmxRequest) -> StreamingHttpResponse:
    """The same as a file, as filtered and sorted."""
    actor, wanted = signed_in_actor(request), read_wanted(request.GET)
    found = _of_status(_found(visible_experiments(actor, Kind.TEST), wanted), wanted)
    pieces = csv_pieces(actor, found, wanted)
    response = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="tests.csv"'
    return response


@require_POST
def test_tag(request: HtmxRequest) -> HttpResponse:
    """Give the chosen tests a tag, or take it from them; then back to where they were chosen."""
    actor = signed_in_actor(request)
    tags = request.POST.get("tag", "").split(",")
    chosen = _chosen(actor, request.POST.getlist("test"))
    takes = request.POST.get("op") == "remove"
    try:
        if not chosen:
            raise InvalidInput.at("test", gettext("Choose at least one test."))
        if not any(tag.strip() for tag in tags):
            raise InvalidInput.at("tag", gettext("Type a tag."))
        changed = tag_experiments(actor, chosen, **{"remove" if takes else "add": tags})
    except InvalidInput as refusal:
        messages.error(request, " ".join(error.message for error in refusal.errors))
    else:
        if takes:
            said = ngettext("%(n)s test lost the tag.", "%(n)s tests lost the tag.", changed)
        else:
            said = ngettext("%(n)s test got the tag.", "%(n)s tests got the tag.", changed)
        messages.success(request, said % {"n": f"{changed:,}"})
    return _back(request)


@require_POST
def view_save(request: HtmxRequest) -> HttpResponse:
    """Keep the present view under a name."""
    try:
        view = save_view(
            signed_in_person(request), request.POST.get("name", ""), request.POST.get("query", "")
        )
    except InvalidInput as refusal:
        messages.error(request, " ".join(error.message for error in refusal.errors))
    else:
        messages.success(request, gettext("“%(name)s” is one of your views now.") % {"name": view.name})
    return _back(request)


@require_POST
def view_remove(request: HtmxRequest, pk: int) -> HttpResponse:
    """Forget one of the reader's own views."""
    remove_view(signed_in_person(request), pk)
    messages.success(request, gettext("Removed."))
    return redirect("console:test_list")


def _found(visible: ExperimentQuerySet, wanted: Wanted) -> ExperimentQuerySet:
    """In whatever status. What needs attention is worked out for all of them: the database does not know it."""
    found = matching(visible, wanted)
    if not wanted.attention:
        return found
    standing_out = attention_of(list(with_newest_state(found.filter(may_stand_out()))))
    levels = {wanted.attention} if wanted.attention != "any" else {one.level for one in standing_out.values()}
    return visible.filter(pk__in=[pk for pk, one in standing_out.items() if one.level in levels])


def _page(
    actor: Actor, found: ExperimentQuerySet, wanted: Wanted, number: int, asked: str | None
) -> tuple[Page[Any], list[Experiment]]:
    """The page that is asked for, of so many tests, and the tests on it."""
    if wanted.is_sorted_by_counts:
        chosen = Paginator(computed_order(actor, found, wanted.sort), PAGE_SIZE).get_page(asked)
        ids = list(chosen.object_list)
        return chosen, in_order(list_rows_of(found.filter(pk__in=ids), wanted), ids)
    paginator = Paginator(list_rows_of(found, wanted), PAGE_SIZE)
    # The counts by status are the count: no need to ask a second time.
    paginator.__dict__["count"] = number
    page = paginator.get_page(asked)
    return page, list(page.object_list)


def _of_status(found: ExperimentQuerySet, wanted: Wanted) -> ExperimentQuerySet:
    return found.filter(status=wanted.status) if wanted.status else found


def _headings(wanted: Wanted) -> list[Heading]:
    sorted_by, falls = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    return [
        Heading(
            str(label),
            css,
            str(note),
            f"-{sort}" if sort and sort == sorted_by and not falls else sort,
            ("descending" if falls else "ascending") if sort and sort == sorted_by else "",
        )
        for sort, label, css, note in _COLUMNS
    ]


def _chosen(actor: Actor, values: list[str]) -> set[int]:
    """The ids of those that this actor may know of."""
    ids = {int(value) for value in values[:1_000] if value.isascii() and value.isdigit() and len(value) < 18}
    found: ExperimentQuerySet = visible_experiments(actor, Kind.TEST).filter(pk__in=ids)
    return set(found.values_list("pk", flat=True))


def _address(wanted: Wanted) -> str:
    query = query_of(wanted)
    return reverse("console:test_list") + (f"?{query}" if query else "")


def _back(request: HtmxRequest) -> HttpResponseRedirect:
    """To the list as it was; only what a list can be asked for is taken from the form."""
    return HttpResponseRedirect(_address(read_wanted(QueryDict(request.POST.get("query", "")[:4_000]))))
