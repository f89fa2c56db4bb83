"""What the console answers when a service refuses: the counterpart of `core.problems` for people."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.errors import DomainError, InvalidInput

logger = logging.getLogger(__name__)


class RefusalPages:
    """Middleware: a domain error that a view does not handle itself becomes a page with its words and its status.

    Asked for by htmx it is only the alert, which fits into a card.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        status = HTTPStatus.UNPROCESSABLE_ENTITY if isinstance(exception, InvalidInput) else exception.status
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("%s: %s", exception.title, exception.detail)
        context = {"title": exception.title, "detail": exception.detail, "status": int(status)}
        return render(request, "errors/refusal.html", context, status=int(status))
