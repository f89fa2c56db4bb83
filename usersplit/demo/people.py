"""The personas of the demo, and the first person of an empty installation."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounts.actors import Actor
from accounts.models import Role, Scope, User
from accounts.services import create_token, save_person


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody to sign in as."""

    username: str
    first_name: str
    last_name: str
    role: Role


PERSONAS = (
    Persona("sofia", "Sofia", "Lindqvist", Role.SUPERUSER),
    Persona("mia", "Mia", "Tanaka", Role.MANAGER),
    Persona("dev", "Devon", "Okafor", Role.DEVELOPER),
    Persona("quinn", "Quinn", "Park", Role.QA),
    Persona("vera", "Vera", "Novak", Role.VIEWER),
)
# A colleague, so that there are tests that the manager does not manage.
COLLEAGUE = Persona("jonas", "Jonas", "Weber", Role.MANAGER)
FIRST_PERSON = Persona("admin", "", "", Role.SUPERUSER)


def new_password() -> str:
    """Random for every installation: a demo that somebody exposes is no open door."""
    return secrets.token_urlsafe(9)


def save_personas() -> dict[str, dict[str, str]]:
    """Make the personas anew: role → username and password."""
    logins = {}
    for persona in (*PERSONAS, COLLEAGUE):
        password = new_password()
        names = {"first_name": persona.first_name, "last_name": persona.last_name}
        names["email"] = f"{persona.username}@usersplit.example"
        save_person(persona.username, persona.role, password, **names)
        if persona is not COLLEAGUE:
            logins[persona.role.value] = {"username": persona.username, "password": password}
    return logins


def demo_token() -> str:
    """A token of the superuser's with every scope."""
    superuser = User.objects.get(username=PERSONAS[0].username)
    return create_token(Actor.person(superuser), "Demo", list(Scope.values))[1]


def write_logins(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step, readable by its owner only: it holds passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(path)
