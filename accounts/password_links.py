"""One-time links with which somebody chooses a password: made by superusers, signed, never stored."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator

from accounts.models import User
from core import clock


class _LinkTokens(PasswordResetTokenGenerator):
    """Django's tokens. They stop working with the next sign-in, password or e-mail address; ours also with the next link."""

    key_salt = "accounts.password_links"

    def __init__(self, at: dt.datetime | None = None) -> None:
        super().__init__()
        self._at = at

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        made = user.link_made_at.isoformat() if user.link_made_at else ""
        return f"{super()._make_hash_value(user, timestamp)}{made}{user.access_epoch}"

    def _now(self) -> dt.datetime:
        # Without a zone: Django counts from a moment without one.
        return (self._at or clock.now()).astimezone(dt.UTC).replace(tzinfo=None)


def link_token(person: User) -> str:
    """The token of the newest link that was made for this person; the same whenever it is asked for.

    Raises ValueError when none was made.
    """
    if person.link_made_at is None:
        raise ValueError("no link was made for this person")
    return _LinkTokens(at=person.link_made_at).make_token(person)


def link_expires_at(person: User) -> dt.datetime | None:
    """When the newest link stops working if nobody uses it; None without one."""
    if person.link_made_at is None:
        return None
    return person.link_made_at + dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def has_open_link(person: User) -> bool:
    """Whether a link waits to be used: made, neither used nor over, and they did not sign in without it."""
    expires_at = link_expires_at(person)
    if expires_at is None or person.link_made_at is None or not person.is_active:
        return False
    signed_in_since = person.last_login is not None and person.last_login > person.link_made_at
    return clock.now() < expires_at and not signed_in_since


def is_valid_link(person: User, token: str) -> bool:
    """Whether this token still lets somebody choose this person's password."""
    if person.link_made_at is None or not person.is_active:
        return False
    return _LinkTokens().check_token(person, token)
