"""Help: the docs, on pages of the console."""

from __future__ import annotations

import re
from typing import Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.help import PICTURES, help_pages, read_page, shelf_of, shelves
from core.http import HtmxRequest

_PICTURE: Final = re.compile(r"[a-z0-9-]{1,100}\.png")


@require_safe
def help_index(request: HtmxRequest) -> HttpResponse:
    """All pages, by what a person does."""
    return render(request, "console/help/index.html", {"shelves": shelves()})


@require_safe
def help_page(request: HtmxRequest, page: str) -> HttpResponse:
    """One page of the docs."""
    found = read_page(page)
    if found is None:
        raise Http404
    context = {"page": help_pages()[page], "read": found, "shelf": shelf_of(page)}
    return render(request, "console/help/page.html", context)


@require_safe
def help_picture(request: HtmxRequest, name: str) -> HttpResponse:
    """A picture of the docs."""
    path = PICTURES / name
    if _PICTURE.fullmatch(name) is None or not path.is_file():
        raise Http404
    answer = HttpResponse(path.read_bytes(), content_type="image/png")
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer
