"""What a provider's HTTP answer means for a delivery: one table for all channels."""

from __future__ import annotations

import datetime as dt
import http
from collections.abc import Container
from email.utils import parsedate_to_datetime
from typing import Any, Final

from core import clock
from notifications.channels.base import SendFailed
from notifications.outgoing import Answer, without_secrets

LONGEST_WAIT: Final = 3_600.0
"""Seconds. Whoever asks for more is asked again after an hour."""
_SUCCESS: Final = range(200, 300)
_OTHER_TIME: Final = frozenset({408, 425, 429})
_NOT_LET_IN: Final = frozenset({401, 403})


def raise_for(answer: Answer, ok: Container[int] = _SUCCESS) -> None:
    """Nothing for a status in `ok`; else raises SendFailed as the status says.

    Later again: 408, 425, 429 and 5xx, after Retry-After where there is one. Never again: every other one.
    Not let in (401, 403), led elsewhere (3xx) and 5xx are the account's or the provider's trouble, not the message's:
    they count for the circuit breaker.
    """
    status = answer.status
    if status in ok:
        return
    words = _words(answer)
    if status >= 500:
        raise SendFailed(words, retry_after=retry_after(answer), provider_down=True)
    if status in _OTHER_TIME:
        raise SendFailed(words, retry_after=retry_after(answer))
    raise SendFailed(words, permanent=True, provider_down=status in _NOT_LET_IN or status < 400)


def retry_after(answer: Answer) -> float | None:
    """Seconds that the provider asks to wait, at most LONGEST_WAIT; None when it does not say (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    seconds = _seconds(text)
    if seconds is None:
        moment = _moment(text)
        if moment is None:
            return None
        # By the provider's own clock where it tells the time: ours may be wrong.
        seconds = (moment - (_moment(answer.headers.get("date", "")) or clock.now())).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def object_of(answer: Answer) -> dict[str, Any]:
    """The body, which has to be a JSON object. Raises SendFailed, to be tried again: a proxy may have answered."""
    found = answer.json()
    if not isinstance(found, dict):
        raise SendFailed(f"Answered {answer.status} with JSON that is no object.")
    return found


def text_of(answer: Answer, value: object, limit: int = 300) -> str:
    """Something out of the body as one line for people and for the database: no secrets, nothing that cannot be stored."""
    if not isinstance(value, (str, int, float)):
        return ""
    # JSON can spell a NUL and halves of surrogate pairs; PostgreSQL stores neither.
    plain = str(value).replace("\0", "").encode("utf-8", "replace").decode()
    return without_secrets(" ".join(plain.split()), answer.secrets)[:limit]


def _words(answer: Answer) -> str:
    try:
        name = f" {http.HTTPStatus(answer.status).phrase}"
    except ValueError:
        name = ""
    if 300 <= answer.status < 400:
        return f"Answered {answer.status}{name}: the address leads elsewhere; type in where it leads."
    said = answer.words()
    return f"Answered {answer.status}{name}" + (f": {said}" if said else ".")


def _seconds(text: str) -> float | None:
    # Some send fractions, which the standard does not know; isdigit() alone takes figures that float() does not.
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    return None


def _moment(text: str) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
