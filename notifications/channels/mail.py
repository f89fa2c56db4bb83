"""E-mail by Django's backends: plain text and HTML from one template."""

from __future__ import annotations

import smtplib
from email.utils import parseaddr
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from notifications.channels.base import CheckReport, Message, Receipt, SendFailed
from notifications.kinds import EVENTS, EventKind
from notifications.models import Delivery
from notifications.unsubscribing import unsubscribe_url

TEMPLATE: Final = "notifications/mail/message.html"


class Mail:
    """Mails to one person; the delivery tells what they can unsubscribe from."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        """Under a Message-ID made of the token: mail has no other way to know a repetition, and many servers use it."""
        if not parseaddr(recipient)[1] or any(character in recipient for character in "\r\n"):
            raise SendFailed("This is no e-mail address.", permanent=True)
        person = self.delivery.person
        stop = unsubscribe_url(person.pk, self.delivery.event.kind) if person else ""
        context = {
            "message": message,
            "stop": stop,
            "stop_what": EVENTS[EventKind(self.delivery.event.kind)].label,
        }
        name = f"<{token}@{urlsplit(settings.PUBLIC_URL).hostname or 'usersplit'}>"
        mail = EmailMultiAlternatives(
            # A title holds what somebody typed; a line break in it would be a header of its own.
            subject=" ".join(f"[UserSplit] {message.title}".split()),
            body=render_to_string(f"{TEMPLATE}#text", context).strip() + "\n",
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[recipient],
            headers={"Message-ID": name, "Auto-Submitted": "auto-generated", **_stop_headers(stop)},
        )
        mail.attach_alternative(render_to_string(f"{TEMPLATE}#html", context).strip(), "text/html")
        _hand_over(mail)
        return Receipt("Taken by the mail server.", name)

    def check(self) -> CheckReport:
        """Whether the mail server lets us in."""
        try:
            connection = get_connection()
            connection.open()
            connection.close()
        except (OSError, smtplib.SMTPException) as error:
            return CheckReport((("Reach the mail server", False, _words(error)),))
        return CheckReport((("Reach the mail server", True, ""),))


def _stop_headers(stop: str) -> dict[str, str]:
    if not stop:
        return {}
    return {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _hand_over(mail: EmailMultiAlternatives) -> None:
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        refused = all(500 <= code < 600 for code in codes)
        words = f"The mail server refuses the address ({codes})."
        raise SendFailed(words, permanent=refused, provider_down=not refused) from error
    except smtplib.SMTPResponseException as error:
        refused = 500 <= error.smtp_code < 600 and not isinstance(error, smtplib.SMTPAuthenticationError)
        # What it only puts off (4xx, or a login that it does not know) is tried for days, as if it were down.
        raise SendFailed(_words(error), permanent=refused, provider_down=not refused) from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendFailed(_words(error), provider_down=True) from error


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The mail server does not let us in ({error.smtp_code})."
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else ""
        return f"The mail server said {error.smtp_code}: {text[:300]}"
    return f"The mail server could not be reached: {type(error).__name__}."
