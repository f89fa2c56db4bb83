"""Taking a batch: it is in the ledger and its items wait in the inbox, both or neither, or its sender gets its first answer again."""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from celery import current_app
from django.db import connection

from analytics.ingest_body import SentBatch
from analytics.items import Hit
from analytics.models import UnknownHits
from core import clock

logger = logging.getLogger(__name__)

# A test, the number of its settings group, a variant.
Triple: TypeAlias = tuple[str, int, str]

MAX_TOLD: Final = 100
"""Of refused items, and of unknown (test, settings group, variant), an answer names so many."""

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

_WHY: Final = """
SELECT DISTINCT asked.test, asked.number, asked.variant, experiment.id IS NOT NULL, grp.id IS NOT NULL, variant.id IS NOT NULL
FROM unnest(%s::text[], %s::int[], %s::text[]) AS asked (test, number, variant)
LEFT JOIN experiments_experiment AS experiment ON experiment.kind = 'test' AND experiment.key = asked.test
LEFT JOIN experiments_settingsgroup AS grp ON grp.experiment_id = experiment.id AND grp.number = asked.number
LEFT JOIN experiments_variant AS variant ON variant.settings_group_id = grp.id AND variant.name = asked.variant
"""


class KnownTriples:
    """What this process has seen to exist. Settings groups never change, but the key of a draft may: after a minute it asks again."""

    SECONDS: Final = 60.0
    MOST: Final = 20_000

    def __init__(self) -> None:
        self._until: dict[Triple, float] = {}

    def without(self, triples: Collection[Triple]) -> list[Triple]:
        """Those of `triples` that have to be asked for."""
        now = time.monotonic()
        return [triple for triple in triples if self._until.get(triple, 0.0) < now]

    def add(self, triples: Collection[Triple]) -> None:
        if len(self._until) + len(triples) > self.MOST:
            self.clear()
        until = time.monotonic() + self.SECONDS
        self._until.update(dict.fromkeys(triples, until))

    def clear(self) -> None:
        self._until.clear()


known_triples: Final = KnownTriples()


def take_batch(batch: SentBatch) -> dict[str, Any]:
    """Put the batch into the ledger and its items into the inbox; the answer for its sender (see docs/hits-api.md).

    A batch that was taken before, by whatever process, changes nothing: its first answer comes back with `duplicate`.
    """
    answer = _answer(batch)
    values = {
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


def _answer(batch: SentBatch) -> dict[str, Any]:
    counted = Counter(
        (item.test, item.settings_group, item.variant) for item in batch.items if isinstance(item, Hit)
    )
    unknown = why_unknown(known_triples.without(counted))
    known_triples.add([triple for triple in counted if triple not in unknown])
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


def why_unknown(triples: Collection[Triple]) -> Mapping[Triple, str]:
    """Those of `triples` that there are none of, each with a `UnknownHits.Why`."""
    if not triples:
        return {}
    unknown: dict[Triple, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(_WHY, [list(column) for column in zip(*triples, strict=True)])
        for test, number, variant, has_test, has_group, has_variant in cursor.fetchall():
            if not has_test:
                unknown[test, number, variant] = UnknownHits.Why.TEST.value
            elif not has_group:
                unknown[test, number, variant] = UnknownHits.Why.SETTINGS_GROUP.value
            elif not has_variant:
                unknown[test, number, variant] = UnknownHits.Why.VARIANT.value
    return unknown


class _Waker:
    """Asks for a fold at most once a second; the sweep would come anyway, so a broker that is down is left alone for a while."""

    EVERY: Final = 1.0
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
