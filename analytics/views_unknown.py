"""The page of hits that nobody knows."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import signed_in_actor
from analytics.selectors import unknown_hits
from analytics.unknown import dismiss, explained, in_words, may_dismiss
from core.http import HtmxRequest

PAGE_SIZE: Final = 50
_LARGEST_ID: Final = 2**63


@require_safe
def unknown_list(request: HtmxRequest) -> HttpResponse:
    """The latest first, each with what may have been meant."""
    actor = signed_in_actor(request)
    page = Paginator(unknown_hits(actor), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": explained(actor, list(page.object_list)),
        "may_dismiss": may_dismiss(actor),
    }
    return render(request, "analytics/unknown/page.html", context)


@require_POST
def unknown_dismiss(request: HtmxRequest, unknown_id: int) -> HttpResponse:
    """Take one off the list."""
    row = dismiss(signed_in_actor(request), min(unknown_id, _LARGEST_ID - 1))
    messages.success(
        request, gettext("Dismissed: %(hits)s. If it is sent again, it comes back.") % {"hits": in_words(row)}
    )
    return redirect("analytics:unknown_list")
