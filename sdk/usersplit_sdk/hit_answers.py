"""What a server says of a batch of hits, and what becomes of the batch. The server is believed as little as can be."""

from __future__ import annotations

import json
import time
from email.utils import mktime_tz, parsedate_tz
from enum import Enum, auto
from typing import NamedTuple

from usersplit_sdk.origin import Posted

RETRY_AFTER_LIMIT = 300.0
"""Seconds: no server keeps hits waiting for longer."""
PROBLEM = "application/problem+json"
NAMED = 20
"""So many reasons of one answer are looked at."""
WORDS = 200
"""Characters of what a server says that are passed on."""


class Outcome(Enum):
    """What becomes of the batch."""

    STORED = auto()
    LATER = auto()
    """It is sent again, with growing pauses."""
    FAULTY = auto()
    """The same, but it may be this very batch that the server cannot bear."""
    REFUSED = auto()
    """The token is not accepted, or there is nobody to take hits: it is sent again, but rarely."""
    TOO_LARGE = auto()
    USELESS = auto()
    """It will never be taken."""


class Verdict(NamedTuple):
    """``message`` says why, ``seconds`` how long the server wants to be left alone.

    Of a stored batch ``rejected`` hits were not taken, and ``reasons`` are why; ``unknown`` names what nobody knows.
    """

    outcome: Outcome
    message: str = ""
    seconds: float = 0.0
    rejected: int = 0
    reasons: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


_REFUSALS = {
    401: "does not know the token, or no longer",
    403: "refuses the token: it needs the scope ingest",
    404: "has no place for hits",
    405: "has no place for hits",
    501: "has no place for hits",
}
_LATER = (407, 408, 409, 421, 423, 425, 429)


def judge(posted: Posted, batch_id: str, url: str) -> Verdict:
    """What the answer means."""
    status = posted.status
    if 200 <= status < 300:
        return _stored(posted, batch_id, url)
    if status in _REFUSALS:
        return Verdict(Outcome.REFUSED, f"{url} {_REFUSALS[status]} ({status}); hits wait")
    if status == 413:
        return Verdict(Outcome.TOO_LARGE, f"{url} finds a single hit too large ({status})")
    message = f"{url} answers {status} to hits"
    if status in _LATER or status >= 502:
        return Verdict(Outcome.LATER, message, _seconds(posted.retry_after))
    if status >= 500:
        return Verdict(Outcome.FAULTY, message, _seconds(posted.retry_after))
    if status >= 400 and PROBLEM in posted.content_type.lower():
        return Verdict(Outcome.USELESS, f"{message}: {_title(posted)}")
    if status >= 400:
        # Whoever says that is no UserSplit server: a proxy, or one that does not know its own name.
        return Verdict(Outcome.REFUSED, f"{message}, but not as a UserSplit server does; hits wait")
    return Verdict(Outcome.LATER, message)


def _stored(posted: Posted, batch_id: str, url: str) -> Verdict:
    """A page that asks to sign in has status 200 as well: what is no answer to this batch has stored nothing."""
    document = _json(posted.body)
    told = document.get("batch_id", batch_id) if isinstance(document, dict) else batch_id
    if "html" in posted.content_type.lower() or not isinstance(told, str) or told.lower() != batch_id:
        return Verdict(
            Outcome.LATER, f"{url} answers {posted.status} to hits, but not as a UserSplit server does"
        )
    if not isinstance(document, dict):
        return Verdict(Outcome.STORED)
    rejected = _items(document.get("rejected"))
    count = document.get("rejected_count")
    reasons = tuple(dict.fromkeys(reason for item in rejected[:NAMED] for reason in _reasons(item)))
    return Verdict(
        Outcome.STORED,
        rejected=count if type(count) is int and count >= 0 else len(rejected),
        reasons=reasons[:NAMED],
        unknown=tuple(map(_unknown, _items(document.get("unknown"))[:NAMED])),
    )


def _reasons(item: dict[str, object]) -> list[str]:
    errors = _items(item.get("errors"))[:NAMED]
    return [f"{_words(error.get('field'))}: {_words(error.get('message'))}" for error in errors]


def _unknown(item: dict[str, object]) -> str:
    test, group, variant = (_words(item.get(name)) for name in ("test", "settings_group", "variant"))
    return f"test {test}, settings group {group}, variant {variant}"


def _items(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _title(posted: Posted) -> str:
    document = _json(posted.body)
    found = (document.get("detail") or document.get("title")) if isinstance(document, dict) else None
    return _words(found) if found else "it says no more"


def _words(value: object) -> str:
    text = str(value)[:WORDS] if isinstance(value, (str, int, float)) else "?"
    return text if text.isprintable() else ascii(text)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _seconds(retry_after: str | None) -> float:
    """Of a ``Retry-After``, which is a number of seconds or a date; 0 for anything else."""
    text = (retry_after or "").strip()[:40]
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_LIMIT)
    try:
        date = parsedate_tz(text)
        seconds = 0.0 if date is None else mktime_tz(date) - time.time()
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0.0
    return max(0.0, min(seconds, RETRY_AFTER_LIMIT))
