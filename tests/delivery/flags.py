"""Tests delivered as flags of every type, and asking for them over OFREP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from accounts.actors import Actor
from accounts.models import User
from accounts.services import create_token
from delivery.services import publish
from experiments.lifecycle import Status
from tests.factories import make_experiment

PAYLOADS: dict[str, object] = {
    "yes": True, "no": False, "three": 3, "half": 0.5, "object": {"a": 1}, "text": "blue", "nothing": None,
}  # fmt: skip
USER_FILTER = [{"filter": "is_paying", "source": "user", "operator": "eq", "value": True}]


def all_get(payload: object = None) -> list[dict[str, object]]:
    """The one variant, which is everybody's; what is no object is written as one that has nothing but a value."""
    if payload is not None and not isinstance(payload, dict):
        payload = {"value": payload}
    return [{"name": "new", "percent": "100", **({} if payload is None else {"payload": payload})}]


def deliver_flags(manager: Actor) -> None:
    """A running test for each payload."""
    for key, payload in PAYLOADS.items():
        make_experiment(manager, Status.RUNNING, key=key, variants=all_get(payload))
    publish()


@dataclass(frozen=True, slots=True)
class Ofrep:
    """Somebody with a token."""

    headers: dict[str, str]
    client: Client = field(default_factory=Client)

    def ask(self, path: str = "", body: object = None, **headers: str) -> Any:
        """The answer as Django's test client has it; `body` may be bytes."""
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        return self.client.post(
            f"/ofrep/v1/evaluate/flags{path}",
            content,
            content_type="application/json",
            headers=self.headers | headers,
        )

    def flag(self, key: str, **context: object) -> tuple[int, Any]:
        answer = self.ask(f"/{key}", {"context": context})
        return answer.status_code, answer.json()

    def flags(self, **context: object) -> dict[str, Any]:
        answer = self.ask("", {"context": context})
        assert answer.status_code == 200, answer.content
        return {flag["key"]: flag for flag in answer.json()["flags"]}


def ofrep_for(person: User, *scopes: str, environment: str = "production") -> Ofrep:
    _, secret = create_token(Actor.person(person), "flags", scopes or ("evaluate",), environment)
    return Ofrep({"Authorization": f"Bearer {secret}"})
