"""A name for every request, by which its answer and all that was logged about it are found again."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from django.http import HttpRequest, HttpResponse

HEADER: Final = "X-Request-ID"
# What proxies and clients make: hexadecimal, UUIDs, base64, "Root=1-67891233-abcd". Nothing that could break a line of a log.
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9._:=+/@-]{1,128}")

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of the request that is being answered here; "" outside of one."""
    return _request_id.get()


def request_ids(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, the outermost: takes the caller's id where it is well formed, else makes one, and says it in the answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        name = given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
        # Django logs refused requests after the last middleware has returned: that line finds the id at the request.
        request.request_id = name  # type: ignore[attr-defined]
        token = _request_id.set(name)
        try:
            response = get_response(request)
        finally:
            _request_id.reset(token)
        response.headers[HEADER] = name
        return response

    return middleware


class RequestIdFilter(logging.Filter):
    """Gives every line `request_id`: that of the request it is about, else "-"."""

    def filter(self, record: logging.LogRecord) -> bool:
        of_request = getattr(getattr(record, "request", None), "request_id", "")
        record.request_id = _request_id.get() or of_request or "-"
        return True
