"""Who is not signed in is asked to, and loses nothing by it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from accounts.forms import SignInForm
from accounts.kept_forms import kept_form_of


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
