"""The API as a program uses it: a token in every request, JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.test import Client

from accounts.actors import Actor
from accounts.models import Scope, User
from accounts.services import create_token

PREFIX = "/api/v1"


class Api:
    """Requests with one token. Addresses are relative to /api/v1; bodies are values, or bytes sent as they are."""

    def __init__(self, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # A crash is an answer here too, the one that must never come.
        self.client = Client(headers=headers, raise_request_exception=False)

    @classmethod
    def of(cls, person: User, scopes: Sequence[str] = tuple(Scope.values)) -> Api:
        """With a fresh token of this person."""
        return cls(create_token(Actor.person(person), "a test's own", scopes)[1])

    def get(self, address: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.client.get(_full(address), query, headers=headers)

    def post(self, address: str, body: object = None, **options: Any) -> Any:
        return self.send("POST", address, body, **options)

    def patch(self, address: str, body: object, **options: Any) -> Any:
        return self.send("PATCH", address, body, **options)

    def send(
        self,
        method: str,
        address: str,
        body: object = None,
        content_type: str = "application/json",
        **options: Any,
    ) -> Any:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, _full(address), content, content_type, **options)


def _full(address: str) -> str:
    return address if address.startswith("/api/") else f"{PREFIX}{address}"


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem document that this answer must be; also that it is one."""
    assert response.status_code == status, response.content[:2000]
    assert response.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(response.content)
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert found["code"]
    return found


def wrong_fields(response: Any) -> list[str]:
    """The fields that a 400 names."""
    return [error["field"] for error in problem(response, 400)["errors"]]
