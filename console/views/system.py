"""System health: for superusers, who run the product."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from console.health.report import health_report
from core import clock
from core.errors import NotAllowed
from core.http import HtmxRequest


@never_cache
@require_safe
def system_page(request: HtmxRequest) -> HttpResponse:
    """The page at once, which then asks for what takes longer; asked by htmx, how all parts are."""
    if not signed_in_actor(request).is_superuser:
        raise NotAllowed(gettext("How the system is, is for superusers."))
    whole = not request.htmx
    # Without JavaScript the page says it all by itself, as soon as it is asked to.
    report = health_report() if request.htmx or "now" in request.GET else None
    context = {"report": report, "looked_at": clock.now()}
    return render(request, f"console/system.html{'' if whole else '#report'}", context)
