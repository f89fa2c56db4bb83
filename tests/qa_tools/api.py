"""Calling the API with a token of some scopes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.actors import Actor
from accounts.models import User
from accounts.services import create_token


@dataclass(frozen=True, slots=True)
class Api:
    """A program with a token. Methods answer (status, decoded body)."""

    headers: dict[str, str]
    client: Client

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer: HttpResponse = self.client.generic(  # type: ignore[assignment]  # Django's stubs have their own
            method, f"/api/v1/{path}", content, content_type="application/json", headers=self.headers
        )
        return answer.status_code, json.loads(answer.content) if answer.content else None

    def post(self, path: str, body: object) -> tuple[int, Any]:
        return self.call("POST", path, body)

    def get(self, path: str) -> tuple[int, Any]:
        return self.call("GET", path)

    def delete(self, path: str, body: object = None) -> tuple[int, Any]:
        return self.call("DELETE", path, body)


def api_for(person: User, *scopes: str, environment: str = "production") -> Api:
    _, secret = create_token(Actor.person(person), "program", scopes, environment)
    return Api({"Authorization": f"Bearer {secret}"}, Client())


def fields_of(problem: dict[str, Any]) -> set[str]:
    """The fields that a problem document names."""
    return {error["field"] for error in problem["errors"]}
