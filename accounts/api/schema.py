"""How the OpenAPI schema describes who may ask, how often, and under which key. Importing this registers the two ways to show who one is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.views import APIView

from accounts.api.idempotency import HEADER, MAX_KEY, REPLAYED, IdempotentPosts
from accounts.api.permissions import HasScope
from accounts.api.throttling import kind_of
from accounts.models import Scope


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself, without annotations
    target_class = "accounts.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API token, made in the console."}


class ConsoleSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.ConsoleSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A person signed in to the console; writing needs the CSRF token in X-CSRFToken too.",
        }


_KEY_PARAMETER: Final[dict[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "description": "A name for this request, kept for a day: sent again with it, it is done once and answered again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]+$"},
}
_REPLAYED_HEADER: Final[dict[str, Any]] = {
    "description": "`true` when this is the answer that an earlier request with the same key had.",
    "schema": {"type": "string", "enum": ["true"]},
}
_LIMIT_WORDS: Final = "Requests: at most {limit:,} a minute."


def add_access(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook of drf-spectacular: each operation tells the scope that it asks for, its limit, and whether it takes a key."""
    for operation, method, view in _operations(result, generator):
        if HasScope not in view.permission_classes:
            continue
        needed = Scope(HasScope.needed(method, view))
        limit = settings.API_LIMITS[kind_of(method, view)]
        told = [
            operation.get("description", ""),
            f"Scope of the token: `{needed}`. {_LIMIT_WORDS.format(limit=limit)}",
        ]
        operation["description"] = "\n\n".join(part for part in told if part)
        # For programs; the description is for people.
        operation["x-scope"] = needed.value
        if method == "POST" and issubclass(view, IdempotentPosts) and view.keeps_answers:
            _take_key(operation)
    return result


def _operations(
    result: dict[str, Any], generator: Any
) -> Iterator[tuple[dict[str, Any], str, type[APIView]]]:
    for path, _, method, callback in generator.endpoints:
        operation = result.get("paths", {}).get(path, {}).get(method.lower())
        if operation is not None:
            yield operation, method, callback.cls


def _take_key(operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer.setdefault("headers", {})[REPLAYED] = _REPLAYED_HEADER
