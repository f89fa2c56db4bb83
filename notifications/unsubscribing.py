"""The link in a mail that ends such mails, for people who are not signed in: signed, for one person and one event."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core import signing
from django.urls import reverse

from notifications.kinds import EventKind

_SALT: Final = "notifications.unsubscribe"


def unsubscribe_url(person_id: int, kind: str) -> str:
    """Works as long as the installation's secret does: old mails are read, too."""
    token = signing.dumps([person_id, kind], salt=_SALT)
    return f"{settings.PUBLIC_URL}{reverse('notifications:unsubscribe', args=[token])}"


def read_unsubscribe(token: str) -> tuple[int, EventKind] | None:
    """(person's id, kind), None for what we did not sign."""
    try:
        person_id, kind = signing.loads(token, salt=_SALT)
        return int(person_id), EventKind(kind)
    except (signing.BadSignature, ValueError, TypeError):
        return None
