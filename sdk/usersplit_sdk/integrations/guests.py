"""The cookie in which a browser keeps a guest's split group, signed so that nobody picks one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from usersplit_sdk.model import SPLIT_GROUPS, draw_split_group

MAX_AGE = 365 * 24 * 60 * 60
"""Seconds that a browser keeps the cookie."""
RENEW_DAYS = 30
"""A cookie that is older is sent again, so that who comes at least once a year stays the same guest for good."""
SALT = "usersplit_sdk.guest"
"""Keeps these signatures apart from all others that an application makes with the same secret."""

_VALUE = re.compile(r"([1-9][0-9]{0,3})(?:\.([A-Za-z0-9_-]{1,64}))?(?:~([0-9]{1,6}))?", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)


class Signer(Protocol):
    """Django's ``Signer`` is one; ``HmacSigner`` is ours."""

    def sign(self, value: str) -> str: ...

    def unsign(self, signed_value: str) -> str: ...


class HmacSigner:
    """Signs with HMAC-SHA-256 and the first secret; what an older one of them signed still counts."""

    def __init__(self, secrets_: str | bytes | Sequence[str | bytes]) -> None:
        given = [secrets_] if isinstance(secrets_, str | bytes) else list(secrets_)
        if not given or not all(given):
            raise ValueError("signing needs a secret that is not empty")
        self._keys = [
            hashlib.sha256(f"{SALT}:".encode() + (item.encode() if isinstance(item, str) else item)).digest()
            for item in given
        ]

    def sign(self, value: str) -> str:
        """The value and its signature, in characters that a cookie may have."""
        return f"{value}:{_signature(self._keys[0], value)}"

    def unsign(self, signed_value: str) -> str:
        """The value; ValueError if none of the secrets signed it."""
        value, _, signature = signed_value.rpartition(":")
        for key in self._keys:
            if hmac.compare_digest(_signature(key, value).encode(), signature.encode("utf-8", "replace")):
                return value
        raise ValueError("the signature does not fit")


def _signature(key: bytes, value: str) -> str:
    digest = hmac.new(key, value.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Guest:
    """What a browser keeps of a guest: the split group, and a random name to count the device by.

    ``is_old`` says that the browser has it for longer than ``RENEW_DAYS``.
    """

    split_group: int
    device_id: str | None
    is_old: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class GuestCookie:
    """How the cookie is named, signed and sent. ``secure=None``: only over HTTPS if it was set over HTTPS.

    ``device_ids=False`` keeps the split group alone, which one guest in 2400 shares with another: nobody is
    recognised by it, but guests can only be counted as checks, not as people.
    """

    signer: Signer
    name: str = "usersplit"
    domain: str | None = None
    secure: bool | None = None
    device_ids: bool = True

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.name):
            raise ValueError(f"not the name of a cookie: {self.name!r}")
        if self.domain is not None and not _DOMAIN.fullmatch(self.domain):
            raise ValueError(f"not the domain of a cookie: {self.domain!r}")

    def draw(self) -> Guest:
        """A new guest."""
        return Guest(draw_split_group(), secrets.token_urlsafe(16) if self.device_ids else None)

    def read(self, values: Iterable[str]) -> Guest | None:
        """The first value that this application signed. A browser may send several cookies of one name: a page of
        another subdomain can set it too, but not sign it."""
        for value in values:
            guest = self._read(value)
            if guest is not None:
                return guest
        return None

    def _read(self, value: str) -> Guest | None:
        try:
            match = _VALUE.fullmatch(self.signer.unsign(value))
        except Exception:  # noqa: BLE001 - BadSignature is each signer's own; a value that cannot be read is none
            return None
        if match is None or int(match[1]) > SPLIT_GROUPS:
            return None
        is_recent = match[3] is not None and abs(_today() - int(match[3])) <= RENEW_DAYS
        return Guest(int(match[1]), match[2] if self.device_ids else None, not is_recent)

    def value_of(self, guest: Guest) -> str:
        """The cookie's value: the guest and today's date, signed."""
        name = "" if guest.device_id is None else f".{guest.device_id}"
        return self.signer.sign(f"{guest.split_group}{name}~{_today()}")

    def is_secure(self, *, https: bool) -> bool:
        """Is the cookie marked as for HTTPS only?"""
        return https if self.secure is None else self.secure

    def header(self, guest: Guest, *, https: bool) -> str:
        """The value of a ``Set-Cookie`` header."""
        parts = [
            f"{self.name}={self.value_of(guest)}",
            f"Max-Age={MAX_AGE}",
            "Path=/",
            "SameSite=Lax",
            "HttpOnly",
        ]
        if self.domain is not None:
            parts.append(f"Domain={self.domain}")
        if self.is_secure(https=https):
            parts.append("Secure")
        return "; ".join(parts)


def _today() -> int:
    """Days since 1970 (UTC)."""
    return int(time.time() // 86_400)


def cookie_values(header: str, name: str) -> list[str]:
    """The values of the cookie in a ``Cookie`` header, in order; other cookies may be as broken as they like."""
    pairs = (part.partition("=") for part in header.split(";"))
    return [value.strip().strip('"') for key, _, value in pairs if key.strip() == name]
