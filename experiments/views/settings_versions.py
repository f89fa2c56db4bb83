"""Every settings group that a test has had, and what differs between any two of them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.http import HtmxRequest
from experiments.forms.search import read_number
from experiments.models import SettingsGroup
from experiments.selectors import settings_group_of
from experiments.services.differences import differences
from experiments.views.access import Access, access_to

PAGE_SIZE = 50
OFFERED = 500


@require_safe
def settings_versions(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """`?before=` and `?after=` are the numbers compared, without them the two newest; `?below=` pages the list."""
    access = access_to(request, kind, key)
    numbers = list(_newest_first(access).values_list("number", flat=True)[:OFFERED])
    context: dict[str, Any] = {
        "experiment": access.experiment,
        "kind": kind,
        "numbers": numbers,
        **_compared(request, access, numbers),
    }
    if request.htmx and request.htmx.target == "compared":
        return render(request, "experiments/settings/versions.html#compared", context)
    context |= _listed(access, read_number(request.GET, "below"))
    return render(request, "experiments/settings/versions.html", context)


def _compared(request: HtmxRequest, access: Access, numbers: list[int]) -> dict[str, Any]:
    """Nothing to compare while there is only one. Raises NotFound for a number that there is not."""
    if len(numbers) < 2:
        return {}
    after = read_number(request.GET, "after") or numbers[0]
    older = next((number for number in numbers if number < after), numbers[0])
    before = read_number(request.GET, "before") or older
    first, second = (settings_group_of(access.experiment, number) for number in (before, after))
    return {"before": first, "after": second, "changes": differences(first, second)}


def _listed(access: Access, below: int | None) -> dict[str, Any]:
    found = _newest_first(access).select_related("preparation", "created_by", "copied_from")
    if below is not None:
        found = found.filter(number__lt=below)
    rows: list[SettingsGroup] = list(found[: PAGE_SIZE + 1])
    has_older = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return {"rows": rows, "older": rows[-1].number if has_older else None, "is_later_page": below is not None}


def _newest_first(access: Access) -> QuerySet[SettingsGroup]:
    return access.experiment.settings_groups.order_by("-number")
