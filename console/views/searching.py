"""The search: a page, and the lines below the field that opens with `/`."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from console.search import search
from core.http import HtmxRequest

_LONGEST: Final = 100


@require_safe
def search_page(request: HtmxRequest) -> HttpResponse:
    """What `?q=` finds."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:_LONGEST]
    context = {"text": text, "groups": search(signed_in_actor(request), text)}
    template = "console/found.html" if request.htmx else "console/search.html"
    return render(request, template, context)
