"""Work under an Idempotency-Key: done once however often it is asked for, over crashes and in any number of processes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, OperationalError, connection, transaction

from accounts.models import KeptAnswer
from core import clock
from core.errors import Conflict, DomainError

KEPT_FOR: Final = dt.timedelta(hours=24)
# For so long a second request waits for the first one: a waiting one occupies one of the few threads of the web server.
PATIENCE_SECONDS: Final = 3


class KeyUsedOtherwise(DomainError):
    """422: the key stands for another request."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for something else"
    status = 422


class StillAnswering(Conflict):
    """409: another request with the key has not ended."""

    code = "still_answering"
    title = "The first request with this Idempotency-Key is still being answered"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body (JSON, "" for none) and the Location header ("" for none) of a request that succeeded."""

    status: int
    body: str
    location: str


def answer_once(
    caller: str, key: str, digest: str, work: Callable[[], Answer | None]
) -> tuple[Answer | None, bool]:
    """(what `work` answers, False), or (what it answered before, True).

    `work` runs in a transaction with the row that keeps its answer. When it answers None or raises, both are undone
    and the key is free again. Raises KeyUsedOtherwise, StillAnswering.
    """
    with transaction.atomic():
        row = _claim(caller, key, digest)
        if row is None:
            return _earlier(caller, key, digest), True
        answer = work()
        if answer is None:
            transaction.set_rollback(True)
            return None, False
        row.status, row.body, row.location = answer.status, answer.body, answer.location
        row.save(update_fields=["status", "body", "location"])
        return answer, False


def _claim(caller: str, key: str, digest: str) -> KeptAnswer | None:
    """A new row for this key, or None if there is one. While another transaction holds the key, this waits for its end."""
    rows = KeptAnswer.objects.filter(caller=caller, key=key)
    rows.filter(created_at__lte=clock.now() - KEPT_FOR).delete()
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'")
    try:
        with transaction.atomic():
            row = KeptAnswer.objects.create(caller=caller, key=key, digest=digest)
    except IntegrityError:
        row = None
    except OperationalError as error:
        if "lock timeout" not in str(error):
            raise
        raise StillAnswering("Ask again in a moment: its answer will be repeated.") from error
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    return row


def _earlier(caller: str, key: str, digest: str) -> Answer:
    row = KeptAnswer.objects.get(caller=caller, key=key)
    if row.digest != digest:
        raise KeyUsedOtherwise(
            "Another address or body came with it before. Take a new key for a new request."
        )
    return Answer(row.status, row.body, row.location)


def forget_old_answers() -> int:
    """Delete what was kept for long enough; answers how many."""
    deleted, _ = KeptAnswer.objects.filter(created_at__lte=clock.now() - KEPT_FOR).delete()
    return deleted
