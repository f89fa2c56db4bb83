"""The setting ``USERSPLIT``, read once.

    USERSPLIT = {
        "CLIENT": "shop.split.client",            # a Client, or a function that makes one; the only one required
        "USER": "shop.split.read_user",           # (request) -> usersplit_sdk.User | None
        "ENVIRONMENT": "shop.split.read_environment",  # (request) -> usersplit_sdk.Environment
        "COOKIE_NAME": "usersplit",
        "COOKIE_DOMAIN": None,
        "COOKIE_SECURE": None,                    # None: secure where the request is
        "DEVICE_IDS": True,                       # a random name for a guest's browser, besides the split group
    }

Functions may be given as they are, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.core.signing import Signer
from django.http import HttpRequest
from django.utils.module_loading import import_string

from usersplit_sdk.bound import checked_client
from usersplit_sdk.client import Client
from usersplit_sdk.integrations.django.reading import read_environment, read_user
from usersplit_sdk.integrations.guests import SALT, GuestCookie
from usersplit_sdk.integrations.web import ReadEnvironment, ReadUser

DEFAULTS: dict[str, Any] = {
    "USER": read_user,
    "ENVIRONMENT": read_environment,
    "COOKIE_NAME": "usersplit",
    "COOKIE_DOMAIN": None,
    "COOKIE_SECURE": None,
    "DEVICE_IDS": True,
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the setting says, found and checked."""

    client: Client
    read_user: ReadUser[HttpRequest]
    read_environment: ReadEnvironment[HttpRequest]
    cookie: GuestCookie


@cache
def configuration() -> Configuration:
    """Raises ImproperlyConfigured, at start and not at a check."""
    given = getattr(settings, "USERSPLIT", None)
    if not isinstance(given, Mapping) or "CLIENT" not in given:
        raise ImproperlyConfigured('USERSPLIT needs a client: USERSPLIT = {"CLIENT": "shop.split.client"}')
    if unknown := sorted(set(given) - {*DEFAULTS, "CLIENT"}):
        raise ImproperlyConfigured(f"USERSPLIT has no {', '.join(unknown)}")
    chosen = {**DEFAULTS, **given}
    client = _found(chosen["CLIENT"])
    if not isinstance(client, Client) and callable(client):
        client = client()
    try:
        client = checked_client(client)
    except TypeError as error:
        raise ImproperlyConfigured(f'USERSPLIT["CLIENT"]: {error}') from error
    cookie = GuestCookie(
        Signer(salt=SALT),
        name=chosen["COOKIE_NAME"],
        domain=chosen["COOKIE_DOMAIN"],
        secure=chosen["COOKIE_SECURE"],
        device_ids=chosen["DEVICE_IDS"],
    )
    return Configuration(client, _found(chosen["USER"]), _found(chosen["ENVIRONMENT"]), cookie)


def get_client() -> Client:
    """The client of ``USERSPLIT``, for code outside of requests."""
    return configuration().client


def _found(given: Any) -> Any:
    try:
        return import_string(given) if isinstance(given, str) else given
    except ImportError as error:
        raise ImproperlyConfigured(f"USERSPLIT names {given!r}, which is not there: {error}") from error


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"USERSPLIT", "SECRET_KEY", "SECRET_KEY_FALLBACKS"}:
        configuration.cache_clear()


setting_changed.connect(_forget)
