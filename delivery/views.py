"""Pages and cards about delivery."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Final

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Environment
from accounts.requests import signed_in_actor
from core.http import HtmxRequest
from delivery.code_places import repositories
from delivery.selectors import code_places_of, scanned_repositories
from delivery.server_rows import app_servers, fleets, newest_manifest_facts
from delivery.snippets import LABELS, Language, languages_for, snippet_for
from delivery.versions import folder_version, latest_versions
from experiments.selectors import experiment_for

PAGE_SIZE = 50
REPOSITORIES_SHOWN: Final = 100
# Nobody reads more in a card; and no page is made of tens of thousands of lines.
PLACES_ON_CARD: Final = 20
PLACES_ON_PAGE: Final = 2_000


@require_safe
def server_list(request: HtmxRequest) -> HttpResponse:
    """What is delivered, what the latest versions changed, which app server runs which, and which are behind."""
    environment = request.GET.get("environment", "")
    search = request.GET.get("q", "").replace("\x00", "")[:100]
    rows = app_servers(environment if environment in Environment.values else "", search)
    context = {
        "environment": environment,
        "environments": Environment.choices,
        "search": search,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "fleets": fleets(),
        "newest": newest_manifest_facts(),
        "folder": folder_version(),
    }
    if request.htmx and request.htmx.target == "results":
        return render(request, "delivery/servers.html#results", context)
    # Only with the whole page: it is asked for the rest every few seconds.
    whole = {
        **context,
        "versions": latest_versions(signed_in_actor(request)),
        "repositories": repositories()[:REPOSITORIES_SHOWN],
        "url": settings.PUBLIC_URL,
    }
    return render(request, "delivery/servers.html", whole)


@require_safe
def code_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """What a developer pastes for this test or user group, in the language that is asked for."""
    experiment = experiment_for(signed_in_actor(request), kind, key)
    asked = request.GET.get("language", "")
    language = asked if asked in list(languages_for(experiment)) else Language.PYTHON
    context = {
        "experiment": experiment,
        "kind": kind,
        "snippet": snippet_for(experiment, language, settings.PUBLIC_URL),
        "languages": [(one, LABELS[one]) for one in languages_for(experiment)],
    }
    template = "delivery/code/card.html" if request.htmx else "delivery/code/page.html"
    return render(request, template, context)


@require_safe
def places_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Where code names this test or user group: some lines on its card, all on a page of their own."""
    experiment = experiment_for(signed_in_actor(request), kind, key)
    places = code_places_of(experiment)
    shown = places[: PLACES_ON_CARD if request.htmx else PLACES_ON_PAGE]
    by_repository = [
        {"grouper": name, "list": list(found)} for name, found in groupby(shown, attrgetter("repository"))
    ]
    context = {
        "experiment": experiment,
        "kind": kind,
        "places": shown,
        "repositories": by_repository,
        "count": len(places),
        "more": len(places) - len(shown),
        "scanned": None if shown else scanned_repositories(),
        "url": settings.PUBLIC_URL,
    }
    template = "delivery/places/card.html" if request.htmx else "delivery/places/page.html"
    return render(request, template, context)
