"""Pages and cards about delivery."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Environment
from core import clock
from core.http import HtmxRequest
from delivery.server_rows import app_servers, fleets, newest_version

PAGE_SIZE = 50


@require_safe
def server_list(request: HtmxRequest) -> HttpResponse:
    """Which app server runs which version, and which are behind."""
    environment = request.GET.get("environment", "")
    search = request.GET.get("q", "").replace("\x00", "")[:100]
    rows = app_servers(environment if environment in Environment.values else "", search)
    context = {
        "environment": environment,
        "environments": Environment.choices,
        "search": search,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "fleets": fleets(),
        "newest": newest_version(),
        "now": clock.now(),
    }
    part = "#results" if request.htmx and request.htmx.target == "results" else ""
    return render(request, f"delivery/servers.html{part}", context)
