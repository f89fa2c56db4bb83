"""From a request to the person behind it."""

from __future__ import annotations

from django.conf import settings
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


def client_address(request: HttpRequest) -> str:
    """The network address that asks: as the last of the installation's own proxies (settings.PROXIES) saw it, "" on a socket file.

    What stands before that in X-Forwarded-For is only what the client says of itself.
    """
    if settings.PROXIES:
        seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(seen) >= settings.PROXIES:
            return str(seen[-settings.PROXIES]).strip()[:64]
    return str(request.META.get("REMOTE_ADDR", ""))
