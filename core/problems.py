"""Every error of the API as a problem document (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import DomainError, FieldError, InvalidInput
from core.request_ids import current_request_id

MEDIA_TYPE = "application/problem+json"
# Whoever sends ten thousand wrong fields learns enough from the first.
MAX_ERRORS: Final = 20
_MAX_TEXT: Final = 1_000

logger = logging.getLogger(__name__)


def problem_document(
    status: int, detail: str, code: str, title: str = "", errors: Sequence[FieldError] | None = None
) -> dict[str, object]:
    """The document: type, title, status, detail, code, request_id and, for bad input, errors[{field, message}] (the first MAX_ERRORS)."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": _writable(detail),
        "code": code,
        "request_id": current_request_id(),
    }
    if errors is not None:
        body["errors"] = [
            {"field": _writable(error.path), "message": _writable(error.message)}
            for error in errors[:MAX_ERRORS]
        ]
    return body


def problem_response(
    status: int,
    title: str,
    detail: str,
    code: str,
    errors: Sequence[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document from a view of the API."""
    body = problem_document(status, detail, code, title, errors)
    return Response(body, status=status, headers=dict(headers or {}), content_type=MEDIA_TYPE)


def plain_problem(status: int, detail: str, code: str) -> JsonResponse:
    """A problem document from outside the API's views (unknown addresses, a crash)."""
    return JsonResponse(problem_document(status, detail, code), status=status, content_type=MEDIA_TYPE)


def field_errors(detail: object, path: str = "") -> list[FieldError]:
    """DRF's nested error details, flat, each with the path of its field."""
    if isinstance(detail, dict):
        found = []
        for key, value in detail.items():
            below = path if key == "non_field_errors" else f"{path}.{key}" if path else str(key)
            found += field_errors(value, below)
        return found
    if isinstance(detail, list):
        found = []
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            found += field_errors(value, f"{path}[{index}]" if nested else path)
        return found
    return [FieldError(path or "body", str(detail))]


def exception_handler(exception: Exception, context: dict[str, object]) -> Response | None:
    """DRF's hook: domain errors, DRF's own and Django's become problem documents; anything else is a bug and stays one."""
    response: Response
    if isinstance(exception, InvalidInput):
        response = _invalid(exception.errors)
    elif isinstance(exception, DomainError):
        response = problem_response(exception.status, str(exception.title), exception.detail, exception.code)
    elif isinstance(exception, exceptions.ValidationError):
        response = _invalid(field_errors(exception.detail))
    elif isinstance(exception, Http404 | PermissionDenied | exceptions.APIException):
        response = _framework_problem(exception)
    elif isinstance(exception, OperationalError):
        logger.error("The database did not answer", exc_info=exception)
        detail = "The database does not answer at the moment. Nothing was changed; try again."
        response = problem_response(
            503, "Service Unavailable", detail, "unavailable", headers={"Retry-After": "5"}
        )
    else:
        return None
    set_rollback()
    return response


def _invalid(errors: list[FieldError]) -> Response:
    shown = "; ".join(f"{error.path}: {error.message}" for error in errors[:MAX_ERRORS])
    more = f"; and {len(errors) - MAX_ERRORS:,} more" if len(errors) > MAX_ERRORS else ""
    return problem_response(400, str(InvalidInput.title), shown + more, InvalidInput.code, errors)


def _framework_problem(exception: Http404 | PermissionDenied | exceptions.APIException) -> Response:
    if isinstance(exception, Http404):
        known: exceptions.APIException = exceptions.NotFound()
    elif isinstance(exception, PermissionDenied):
        known = exceptions.PermissionDenied()
    else:
        known = exception
    headers = {}
    if getattr(known, "auth_header", None):
        headers["WWW-Authenticate"] = known.auth_header  # type: ignore[attr-defined]  # set by DRF's view, not declared
    if getattr(known, "wait", None):
        # Rounded up: who comes back a moment early is refused again.
        headers["Retry-After"] = str(ceil(known.wait))  # type: ignore[attr-defined]  # only Throttled has it
    title = HTTPStatus(known.status_code).phrase
    return problem_response(
        known.status_code, title, str(known.detail), str(known.default_code), headers=headers
    )


def _writable(text: str) -> str:
    """Text that quotes input: bounded, and without half surrogate pairs, which UTF-8 cannot hold."""
    cut = text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
    return cut.encode("utf-8", "backslashreplace").decode()
