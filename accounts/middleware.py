"""Who is not signed in is asked to, and loses nothing by it; who is reads pages in their language, on their clocks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from accounts.forms import SignInForm
from accounts.kept_forms import kept_form_of
from accounts.preferences import is_for_programs, language_of, time_zone_of


def own_language_and_time(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: pages in the language and the time zone of who asks; English and UTC for programs.

    Nothing of it outlives the request: what the same thread does next is in English again.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if is_for_programs(request):
            with _in("en", dt.UTC):
                return get_response(request)
        language, zone = language_of(request), time_zone_of(request)
        with _in(language, zone):
            response = get_response(request)
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = _each_in(iter(response.streaming_content), language, zone)
        response.headers.setdefault("Content-Language", language)
        # Whose session, which language was chosen and the browser's zone are in cookies.
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return middleware


def _in(language: str, zone: dt.tzinfo) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(translation.override(language))
    stack.enter_context(timezone.override(zone))
    return stack


def _each_in(parts: Iterator[bytes], language: str, zone: dt.tzinfo) -> Iterator[bytes]:
    """What is written while it is sent is written after the middleware is left."""
    while True:
        with _in(language, zone):
            part = next(parts, None)
        if part is None:
            return
        yield part


class SignInRequired(LoginRequiredMiddleware):
    """Django's own, except that a form sent after the session ended is kept while its author signs in again.

    Behind CsrfViewMiddleware: what another site makes a browser send is refused before it comes here.
    """

    def handle_no_permission(  # type: ignore[override]  # the stubs know only of the redirect
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        kept = None if "HX-Request" in request.headers else kept_form_of(request)
        if kept is None:
            return super().handle_no_permission(request, view_func)
        context = {"form": SignInForm(request), "next": kept.path, "kept": kept}
        return render(request, "accounts/login.html", context, status=HTTPStatus.UNAUTHORIZED)
