"""The mail with the one-time link. The link itself never lies in a queue: it is made again from the person's row."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts.models import User
from accounts.password_links import has_open_link, link_expires_at, link_token

_WORDS = """\
Hello {name},

with this link you choose your password for UserSplit, once:

{link}

Your user name is {username}. The link works until {until} UTC. If it stops working sooner, somebody
made a newer one for you; ask your superuser for another.
"""


def link_path(person: User) -> str:
    """The address of the newest link, from the root of the console."""
    return reverse("accounts:link_open", args=[person.pk, link_token(person)])


def can_mail() -> bool:
    """Whether this installation has a mail server."""
    return bool(settings.EMAIL_HOST)


def mail_link(person_id: int) -> bool:
    """Mail the newest link to its person, if it still works. Returns whether a mail went out."""
    person = User.objects.filter(pk=person_id, is_active=True).exclude(email="").first()
    expires_at = link_expires_at(person) if person else None
    if person is None or expires_at is None or not has_open_link(person):
        return False
    words = _WORDS.format(
        name=person,
        username=person.username,
        link=settings.PUBLIC_URL.rstrip("/") + link_path(person),
        until=expires_at.strftime("%Y-%m-%d %H:%M"),
    )
    mail = EmailMessage(
        "[UserSplit] Choose your password",
        words,
        settings.DEFAULT_FROM_EMAIL,
        [person.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    return bool(mail.send())
