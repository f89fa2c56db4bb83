"""What is answered when no view answers: a problem document below the API's addresses, else a page."""

from __future__ import annotations

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, RawPostDataException
from django.views import defaults

from core.problems import plain_problem

_API = ("/api/", "/ofrep/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(_API):
        return plain_problem(400, "The request cannot be understood.", "bad_request")
    _leave_form_unread(request)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(_API):
        return plain_problem(403, "Not allowed.", "permission_denied")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(_API):
        return plain_problem(404, "There is nothing at this address.", "not_found")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith(_API):
        return plain_problem(500, "Something went wrong here; it has been logged.", "server_error")
    _leave_form_unread(request)
    return defaults.server_error(request)


def _leave_form_unread(request: HttpRequest) -> None:
    """A form that could not be read is not read again for the page that says so: Django's own pages look into it for a token."""
    try:
        _ = request.POST
    except (BadRequest, SuspiciousOperation, RawPostDataException, OSError):
        # As Django does itself where a form is too large.
        request._mark_post_parse_error()  # type: ignore[attr-defined]  # noqa: SLF001
