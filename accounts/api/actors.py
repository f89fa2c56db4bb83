"""The actor behind a request to the API."""

from __future__ import annotations

from typing import cast

from rest_framework.request import Request

from accounts.actors import Actor
from accounts.models import ApiToken, Scope, User


def requesting_actor(request: Request) -> Actor:
    """The person who is signed in, or for whom the token acts. Views behind `HasScope` always have one."""
    return Actor.person(cast(User, request.user))


def may_write(request: Request) -> bool:
    """Whether this request could change tests at all: a token needs the scope, a person only their role."""
    return not isinstance(request.auth, ApiToken) or Scope.MANAGE in request.auth.scopes


def caller_of(request: Request) -> str:
    """Who asks, as a short text: a token, or a person in the console. Their limits and idempotency keys are their own."""
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    return f"person:{cast(User, request.user).pk}"
