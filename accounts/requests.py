"""From a request to the person behind it."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.actors import Actor
from accounts.models import User


def signed_in_person(request: HttpRequest) -> User:
    """The person who is signed in. Only for views behind `LoginRequiredMiddleware`, which lets nobody else through."""
    if not isinstance(request.user, User):
        raise TypeError("this view must not be reachable without signing in")
    return request.user


def signed_in_actor(request: HttpRequest) -> Actor:
    """The same person, as services ask for them."""
    return Actor.person(signed_in_person(request))
