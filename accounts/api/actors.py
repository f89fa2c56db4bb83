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
