"""The OpenAPI schema of all packages: every operation also tells the problem documents it may answer with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.problems import MEDIA_TYPE

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people."},
        "code": {"type": "string", "description": "For programs.", "example": "invalid_input"},
        "request_id": {
            "type": "string",
            "description": "The header X-Request-ID; what was logged about the request names it too.",
        },
        "errors": {
            "type": "array",
            "description": "For bad input: every field that is wrong.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "example": "conditions[2][0].value"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_MEANINGS: Final[Mapping[str, str]] = {
    "400": "Something in the body, a parameter or the address is not valid; `errors` names each field.",
    "401": "No token, or one that is unknown, revoked or expired.",
    "403": "The token lacks the scope, or its owner the right.",
    "404": "There is no such thing, or not for the caller.",
    "406": "The caller accepts no media type that exists here.",
    "409": "Not possible in the present state; nothing was changed.",
    "411": "The body came without its length.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "The Idempotency-Key was used for another address or body.",
    "429": "Too many requests; `Retry-After` says in how many seconds there may be more.",
    "503": "The database does not answer at the moment.",
}
_IF_NONE_MATCH: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the copy that the caller has.",
    "schema": {"type": "string"},
}
_UNCHANGED: Final = {"description": "The caller's copy is up to date."}
_ETAG: Final[dict[str, Any]] = {"description": "For If-None-Match.", "schema": {"type": "string"}}
_METHODS: Final = ("get", "post", "put", "patch", "delete")


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook of drf-spectacular: what an operation says itself about a status is kept."""
    components = result.setdefault("components", {}).setdefault("schemas", {})
    components["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result.get("paths", {}).values():
        for method in _METHODS:
            operation = path.get(method)
            if operation is None:
                continue
            for status in _statuses(method, operation):
                answer = {"description": _MEANINGS[status], "content": content}
                operation["responses"].setdefault(status, answer)
            if method == "get":
                _make_conditional(operation)
    return result


def _make_conditional(operation: dict[str, Any]) -> None:
    """What core.conditional does for every GET."""
    parameters = operation.setdefault("parameters", [])
    if all(parameter["name"] != _IF_NONE_MATCH["name"] for parameter in parameters):
        parameters.append(_IF_NONE_MATCH)
    operation["responses"].setdefault("304", _UNCHANGED)
    operation["responses"].get("200", {}).setdefault("headers", {}).setdefault("ETag", _ETAG)


def _statuses(method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    parameters = operation.get("parameters", ())
    where = {parameter["in"] for parameter in parameters}
    changes = method != "get"
    if changes or "query" in where:
        yield "400"
    # {} among the alternatives stands for "nothing needed".
    if {} not in operation.get("security", [{}]):
        yield from ("401", "403", "429")
    if "path" in where or method == "delete":
        yield "404"
    yield "406"
    if changes:
        yield "409"
    if "requestBody" in operation:
        yield from ("411", "413", "415")
    if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
        yield "422"
    yield "503"
