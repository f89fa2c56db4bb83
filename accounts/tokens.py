"""What a token looks like and how it is kept. No database here."""

from __future__ import annotations

import hashlib
import re
import secrets

# Lets secret scanners and people recognise one.
PREFIX = "ust_"
_SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


def new_token() -> str:
    """A fresh token: prefix and 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def could_be_token(text: str) -> bool:
    """Whether this has the shape of one that `new_token` makes."""
    return _SHAPE.fullmatch(text) is not None


def token_digest(token: str) -> str:
    """What is stored (64 hex digits). Plain SHA-256 is enough: a token has 256 random bits, nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def token_hint(token: str) -> str:
    """The part of a token that is safe to show."""
    return token[:10]
