"""A secret on its way to the one page that shows it: after a redirect, so that reloading that page makes no second one.

In between it lies in the session, encrypted with a key that is not in the database, for a few minutes at most, until it is
shown. Addresses, logs and tables never hold it.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

from core import clock

SECONDS: Final = 300
_NAME: Final = "shown_once"
_PURPOSE: Final = b"usersplit: secrets that are shown once"


def keep_secret(session: SessionBase, secret: str) -> None:
    """Keep it for the next `take_secret` of this session; one that was kept before is lost."""
    session[_NAME] = _key(settings.SECRET_KEY).encrypt_at_time(secret.encode(), _now()).decode()


def take_secret(session: SessionBase) -> str:
    """What was kept, this once; "" if nothing was, or too long ago."""
    kept = session.pop(_NAME, "")
    try:
        return _key(settings.SECRET_KEY).decrypt_at_time(kept, SECONDS, _now()).decode() if kept else ""
    except InvalidToken:
        return ""


def _now() -> int:
    return int(clock.now().timestamp())


@lru_cache(maxsize=4)
def _key(secret_key: str) -> Fernet:
    """RFC 5869, HKDF with SHA-256."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
