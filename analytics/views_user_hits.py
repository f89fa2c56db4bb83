"""What the hits of one user say happened: a part of the page that checks a user."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from analytics.selectors import tests_with_hits
from analytics.store import StoredHit, StoreError, get_store
from core.http import HtmxRequest
from core.text import unstorable_text
from experiments.forms.search import read_number
from experiments.models import Kind, SettingsGroup
from experiments.selectors import visible_ids

STEP: Final = 20
MOST: Final = 500
LONGEST_ID: Final = 255


@require_safe
def user_hits(request: HtmxRequest) -> HttpResponse:
    """Of `?user_id=` or `?device_id=`, of one `?test=` if it is named; the newest first, `?limit=` of them."""
    user_id, device_id, test = (request.GET.get(name, "") for name in ("user_id", "device_id", "test"))
    limit = min(read_number(request.GET, "limit") or STEP, MOST)
    context: dict[str, Any] = {"user_id": user_id, "device_id": device_id, "test": test, "limit": limit}
    if user_id or device_id:
        context |= _found(signed_in_actor(request), user_id, device_id, test, limit)
    template = "analytics/user_hits/part.html" if request.htmx else "analytics/user_hits/page.html"
    return render(request, template, context)


def _found(actor: Actor, user_id: str, device_id: str, test: str, limit: int) -> dict[str, Any]:
    if any(len(text) > LONGEST_ID or unstorable_text(text) for text in (user_id, device_id, test)):
        # No hit can carry such an id.
        return {"rows": [], "asked": True}
    try:
        hits = get_store().hits_of(user_id or None, device_id or None, test=test or None, limit=limit + 1)
    except StoreError as error:
        return {"problem": error.detail}
    groups = tests_with_hits({hit.group_id for hit in hits})
    shown = visible_ids(actor, Kind.TEST, {group.experiment_id for group in groups.values()})
    rows = [(hit, groups[hit.group_id].experiment) for hit in hits[:limit] if _is_shown(hit, groups, shown)]
    more = min(limit + STEP, MOST) if len(hits) > limit and limit < MOST else None
    return {"rows": rows, "asked": True, "more": more, "is_cut": len(hits) > limit and more is None}


def _is_shown(hit: StoredHit, groups: dict[int, SettingsGroup], shown: set[int]) -> bool:
    group = groups.get(hit.group_id)
    return group is not None and group.experiment_id in shown
