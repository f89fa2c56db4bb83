"""Every error of the API as a problem document (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import DomainError, FieldError, InvalidInput

MEDIA_TYPE = "application/problem+json"


class ProblemRenderer(JSONRenderer):
    """Offered for errors only, so that a client that accepts nothing but problem documents gets them."""

    media_type = MEDIA_TYPE
    format = "problem"


class BoundedJSONParser(JSONParser):
    """JSON as DRF reads it; brackets deeper than the interpreter can follow are bad input, not a crash."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> Any:  # DRF leaves the stream and the result untyped
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("The JSON is nested too deeply.") from error


def problem_response(
    status: int, title: str, detail: str, code: str, errors: list[FieldError] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A problem document: type, title, status, detail, code and, for bad input, errors[{field, message}]."""
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    if errors is not None:
        body["errors"] = [{"field": error.path, "message": error.message} for error in errors]
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


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
        response = problem_response(exception.status, exception.title, exception.detail, exception.code, exception.errors)
    elif isinstance(exception, DomainError):
        response = problem_response(exception.status, exception.title, exception.detail, exception.code)
    elif isinstance(exception, exceptions.ValidationError):
        errors = field_errors(exception.detail)
        detail = "; ".join(f"{error.path}: {error.message}" for error in errors)
        response = problem_response(400, InvalidInput.title, detail, InvalidInput.code, errors)
    elif isinstance(exception, Http404 | PermissionDenied | exceptions.APIException):
        response = _framework_problem(exception)
    else:
        return None
    set_rollback()
    return response


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
        headers["Retry-After"] = str(int(known.wait))  # type: ignore[attr-defined]  # only Throttled has it
    title = HTTPStatus(known.status_code).phrase
    return problem_response(known.status_code, title, str(known.detail), str(known.default_code), headers=headers)
