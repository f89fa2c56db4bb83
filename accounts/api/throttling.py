"""Limits of the API per token, and per person for the console's session; what is left of them is said with every answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.api.actors import caller_of
from accounts.models import Scope
from accounts.requests import client_address
from accounts.throttling import WINDOW_SECONDS, Allowance, take

if TYPE_CHECKING:
    # DRF's views load this module by its name in the settings while they are loading themselves.
    from rest_framework.views import APIView

# What app servers and clients do all day, as often as they have users.
_BULK_SCOPES: Final = frozenset({Scope.INGEST, Scope.EVALUATE, Scope.DELIVER})


class CallerThrottle(BaseThrottle):
    """One counter per caller and kind of request; the limits are settings.API_LIMITS, by the minute."""

    allowance: Allowance | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        kind = kind_of(str(request.method), view)
        # Whoever is nobody was refused before, or asks for what needs no token.
        who = caller_of(request) if request.user.is_authenticated else client_address(request)
        self.allowance = take(kind, who, settings.API_LIMITS[kind])
        # Read by the middleware below; DRF's request is gone by then.
        request._request.rate_limit = (kind, self.allowance)  # type: ignore[attr-defined]  # noqa: SLF001
        return not self.allowance.is_used_up

    def wait(self) -> float | None:
        return self.allowance.reset if self.allowance else None


def kind_of(method: str, view: object) -> str:
    """`read`, `write` or `bulk`: by the scope that the view asks for with this method."""
    needed = getattr(view, "read_scope" if method in SAFE_METHODS else "write_scope", None)
    if needed in _BULK_SCOPES:
        return "bulk"
    return "read" if method in SAFE_METHODS else "write"


def rate_limit_headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers) where a request was counted."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        counted: tuple[str, Allowance] | None = getattr(request, "rate_limit", None)
        if counted is not None:
            kind, left = counted
            response.headers["RateLimit-Policy"] = f'"{kind}";q={left.limit};w={WINDOW_SECONDS}'
            response.headers["RateLimit"] = f'"{kind}";r={left.remaining};t={left.reset}'
        return response

    return middleware
