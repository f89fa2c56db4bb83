"""Secrets of connections at rest: encrypted with a key that is not in the database."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE: Final = b"usersplit: secrets of connections"


class SecretUnreadable(Exception):
    """Written with a key that this installation does not have (any more)."""


def encrypt(secret: str) -> bytes:
    """The secret as it may be stored: with the newest key."""
    return _keys(tuple(settings.NOTIFICATIONS_KEYS), settings.SECRET_KEY).encrypt(secret.encode())


def decrypt(stored: bytes) -> str:
    """The secret again, whichever of today's keys it was written with. Raises SecretUnreadable."""
    try:
        return _keys(tuple(settings.NOTIFICATIONS_KEYS), settings.SECRET_KEY).decrypt(bytes(stored)).decode()
    except InvalidToken as error:
        raise SecretUnreadable from error


def encrypt_anew(stored: bytes) -> bytes:
    """The same secret under the newest key. Raises SecretUnreadable."""
    try:
        return _keys(tuple(settings.NOTIFICATIONS_KEYS), settings.SECRET_KEY).rotate(bytes(stored))
    except InvalidToken as error:
        raise SecretUnreadable from error


@lru_cache(maxsize=4)
def _keys(given: tuple[str, ...], secret_key: str) -> MultiFernet:
    """The newest first. Any text makes a key (RFC 5869, HKDF with SHA-256).

    SECRET_KEY is the last, so that the first key of one's own does not make unreadable what is there.
    """
    return MultiFernet([Fernet(_key(text)) for text in (*given, secret_key)])


def _key(text: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(text.encode())
    return base64.urlsafe_b64encode(derived)
