"""The demo's hits and events, taken, stored and counted by the services that take those of app servers."""

from __future__ import annotations

import datetime as dt
import itertools
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from django.conf import settings

from accounts.actors import Actor
from analytics.folding import fold
from analytics.ingest import take_batch
from analytics.ingest_body import MAX_ITEMS, read_batch
from analytics.items import Limits
from analytics.models import WaitingBatch
from analytics.tallies import count_stale_users
from analytics.watching import watch_sample_ratios
from core import clock
from usersplit.demo.lives import periods
from usersplit.demo.visits import PRODUCTION, Traffic, traffic, visitors

_NAMESPACE: Final = uuid.UUID("4f6d2f0e-7c1b-4a57-9f43-2400c0ffee00")
_PATIENCE: Final = 60.0
DEMO: Final = Actor.machine("Demo")


def load_hits() -> int:
    """Make what was sent in the past of the tests, and wait until it is counted; how many hits and events.

    Killed half-way and repeated: batches have the same ids each time, so none counts twice.
    """
    now = clock.now()
    made = traffic(periods(now), visitors(now))
    sent = _send_mistyped(made, now) + sum(
        _send(stream, environment, items) for stream, environment, items in _all_of(made)
    )
    _count()
    return sent


def _all_of(made: Traffic) -> Iterator[tuple[str, str, Iterable[dict[str, Any]]]]:
    for environment, hits in made.hits.items():
        yield "hits", environment, (hit.as_json() for hit in hits)
    yield "events", PRODUCTION, made.events


def _send_mistyped(made: Traffic, now: dt.datetime) -> int:
    """In two parts, of which the first was received earlier: who mistyped it has done so for a while."""
    middle = now - dt.timedelta(days=1)
    early = [hit.as_json() for hit in made.mistyped if hit.time < middle]
    late = [hit.as_json() for hit in made.mistyped if hit.time >= middle]
    with clock.frozen_at(middle):
        sent = _send("hits", PRODUCTION, early, "mistyped early")
        fold()
    return sent + _send("hits", PRODUCTION, late, "mistyped late")


def _send(stream: str, environment: str, items: Iterable[dict[str, Any]], name: str = "") -> int:
    limits = Limits.at(clock.now(), environment, settings.HITS_MAX_AGE_DAYS)
    remaining, sent = iter(items), 0
    for number in itertools.count():
        some = list(itertools.islice(remaining, MAX_ITEMS))
        if not some:
            return sent
        batch_id = str(uuid.uuid5(_NAMESPACE, f"{stream} {environment} {number} {name}"))
        batch = read_batch(stream, msgspec.json.encode({"batch_id": batch_id, stream: some}), limits)
        if batch.refused:
            raise RuntimeError(f"the demo sends what is refused: {batch.refused[0].errors}")
        take_batch(batch, DEMO)
        sent += len(some)
    return sent


def _count() -> None:
    """A worker may be doing it already: then it is waited for."""
    ends = time.monotonic() + _PATIENCE
    while WaitingBatch.objects.exists() and time.monotonic() < ends:
        if not fold():
            time.sleep(0.05)
    while count_stale_users():
        pass
    watch_sample_ratios()
