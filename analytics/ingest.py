"""Taking a batch: it is in the ledger and its items wait in the inbox, both or neither, or its sender gets its first answer again."""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections import Counter
from operator import attrgetter
from typing import Any, Final

import msgspec
from celery import current_app
from django.db import connection

from accounts.actors import Actor
from analytics.ingest_body import SentBatch
from analytics.known import Triple, known_triples
from analytics.models import Stream
from core import clock

logger = logging.getLogger(__name__)

MAX_TOLD: Final = 100
"""Of refused items, and of unknown (test, settings group, variant), an answer names so many."""

_TRIPLE: Final = attrgetter("test", "settings_group", "variant")
_ENCODER: Final = msgspec.json.Encoder()

# One statement is one transaction. Of two that bring the same batch the second waits here for the first to commit.
_TAKE: Final = """
WITH taken AS (
    INSERT INTO analytics_batch (stream, batch_id, received_at, items, refused, answer)
    VALUES (%(stream)s, %(batch_id)s, %(now)s, %(items)s, %(refused)s, %(answer)s::jsonb)
    ON CONFLICT (stream, batch_id) DO NOTHING
    RETURNING id
), waiting AS (
    INSERT INTO analytics_waitingbatch (batch_id, stream, body)
    SELECT id, %(stream)s, %(body)s FROM taken WHERE %(items)s > 0
)
SELECT id FROM taken
"""
_ANSWER: Final = "SELECT answer FROM analytics_batch WHERE stream = %s AND batch_id = %s"


def take_batch(batch: SentBatch, actor: Actor) -> dict[str, Any]:
    """Put the batch into the ledger and its items into the inbox; the answer for its sender (see docs/hits-api.md).

    A batch that was taken before, by whatever process, changes nothing: its first answer comes back with `duplicate`.
    """
    answer = _answer(batch, actor)
    values: dict[str, Any] = {
        "stream": batch.stream,
        "batch_id": batch.batch_id,
        "now": clock.now(),
        "items": len(batch.items),
        "refused": len(batch.refused),
        "answer": json.dumps(answer),
        "body": zlib.compress(_ENCODER.encode_lines(batch.items), 1),
    }
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_TAKE, values)
            if cursor.fetchone():
                wake_folder()
                return answer
            cursor.execute(_ANSWER, [batch.stream, batch.batch_id])
            if first := cursor.fetchone():
                return {**json.loads(first[0]), "duplicate": True}
            # It was pruned from the ledger between the two.


def _answer(batch: SentBatch, actor: Actor) -> dict[str, Any]:
    counted: Counter[Triple] = Counter(map(_TRIPLE, batch.items) if batch.stream == Stream.HITS else ())
    unknown = known_triples.unknown_of(counted, actor)
    most = sorted(unknown, key=lambda triple: (-counted[triple], triple))
    return {
        "batch_id": str(batch.batch_id),
        "accepted": len(batch.items),
        "rejected_count": len(batch.refused),
        "rejected": [
            {
                "index": refusal.index,
                "errors": [{"field": error.path, "message": error.message} for error in refusal.errors],
            }
            for refusal in batch.refused[:MAX_TOLD]
        ],
        "unknown_count": sum(counted[triple] for triple in unknown),
        "unknown": [
            {
                "test": triple[0],
                "settings_group": triple[1],
                "variant": triple[2],
                "hits": counted[triple],
                "why": unknown[triple],
            }
            for triple in most[:MAX_TOLD]
        ],
        "duplicate": False,
    }


class _Waker:
    """Asks for a fold at most every two seconds; the sweep would come anyway, so a broker that is down is left alone for a while."""

    EVERY: Final = 2.0
    AFTER_FAILURE: Final = 30.0

    def __init__(self) -> None:
        self.next = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + self.EVERY
        try:
            current_app.send_task("analytics.tasks.fold", expires=10, retry=False)
        except Exception:
            self.next = now + self.AFTER_FAILURE
            logger.warning("Nobody could be told that hits wait; the sweep will find them", exc_info=True)


wake_folder: Final = _Waker()
