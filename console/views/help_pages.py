"""Help: the docs, on pages of the console."""

from __future__ import annotations

import re
from typing import Final

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.help import PICTURES, help_pages, read_page
from core.http import HtmxRequest

_PICTURE: Final = re.compile(r"[a-z0-9-]+\.png")


@require_safe
def help_index(request: HtmxRequest) -> HttpResponse:
    """All pages of the docs."""
    return render(request, "console/help/index.html", {"pages": help_pages()})


@require_safe
def help_page(request: HtmxRequest, page: str) -> HttpResponse:
    """One page of the docs."""
    found = read_page(page)
    if found is None:
        raise Http404
    return render(request, "console/help/page.html", {"shown": found, "pages": help_pages()})


@require_safe
def help_picture(request: HtmxRequest, name: str) -> FileResponse:
    """A picture of the docs."""
    path = PICTURES / name
    if _PICTURE.fullmatch(name) is None or not path.is_file():
        raise Http404
    return FileResponse(path.open("rb"), content_type="image/png")
