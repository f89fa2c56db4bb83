"""Conditional GET: who has an answer already hears so, instead of getting it again (RFC 9110, 13.1.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

API_ADDRESSES: Final = ("/api/", "/ofrep/")
# What a 304 repeats of the answer that it stands for.
_KEPT_HEADERS: Final = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary")


def conditional_get(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: every answer of the API to GET has an ETag, of its bytes unless the view knows a better one.

    Strong, as the same tag means the same bytes; one that was packed on its way has a weak one, from who packed it.
    Streams have none, nor what must not be stored.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path_info.startswith(API_ADDRESSES):
            return response
        # Who asks decides what is answered, by token or by session.
        patch_vary_headers(response, ("Authorization", "Cookie"))
        if request.method not in {"GET", "HEAD"} or response.status_code != 200 or _is_not_kept(response):
            return response
        if "ETag" not in response.headers:
            response.headers["ETag"] = entity_tag(response.content)
        if _matches(request.headers.get("If-None-Match", ""), response.headers["ETag"]):
            return _unchanged(response)
        return response

    return middleware


def entity_tag(content: bytes, before: str = "") -> str:
    """A strong ETag for these bytes; `before` (digits) comes first in it, for who has to find it again."""
    digest = hashlib.sha256(content).hexdigest()[:32]
    return f'"{before}-{digest}"' if before else f'"{digest}"'


def _is_not_kept(response: HttpResponse) -> bool:
    return response.streaming or "no-store" in response.headers.get("Cache-Control", "")


def _matches(asked: str, tag: str) -> bool:
    """If-None-Match compares weakly: W/"a" and "a" are the same."""
    known = parse_etags(asked) if asked else []
    return known == ["*"] or tag.removeprefix("W/") in {one.removeprefix("W/") for one in known}


def _unchanged(response: HttpResponse) -> HttpResponse:
    answer = HttpResponseNotModified()
    for name in _KEPT_HEADERS:
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer
