"""Is a hit lost or doubled while the web process, the worker and the database are killed under load?

Senders go on all the time, each batch again with the same id until it is answered; now and then one is sent again although it
was answered. Every hit is of a user of its own, so that hits lost and hits doubled cannot make up for each other.
"""

from __future__ import annotations

import http.client
import itertools
import random
import threading
from dataclasses import dataclass, field
from typing import Final, Self

from bench.ingestion_product import Counts, Product, make_hits, packed_batch, running_product, wait_until

VICTIMS: Final = ("web", "worker", "database")
AGAIN: Final = 0.1  # of the batches are sent once more


@dataclass(slots=True)
class Outcome:
    """What was sent and what was counted. `duplicates`: answers that said so. `failures`: requests without a clear answer."""

    sent: int
    batches: int
    failures: int
    duplicates: int
    kills: dict[str, int]
    counts: Counts

    @property
    def is_exact(self) -> bool:
        counts = self.counts
        found = {counts.store, counts.users, counts.hourly, counts.daily, counts.total}
        return found == {self.sent} and counts.waiting == 0


@dataclass(slots=True)
class Senders:
    """Threads that send batch after batch until they are told to end; `with` waits for their last answer."""

    product: Product
    threads: int
    batch: int
    sent: int = 0
    batches: int = 0
    failures: int = 0
    duplicates: int = 0
    _end: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._running = [threading.Thread(target=self._send_on, args=(name,)) for name in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._running:
            thread.join()

    def wait_for_more(self) -> None:
        """Until ten batches have been taken since."""
        enough = self.batches + 10
        wait_until(lambda: self.batches >= enough, "batches are taken")

    def _send_on(self, name: int) -> None:
        chance = random.Random(name)  # noqa: S311 - which batches are sent twice
        for number in itertools.count():
            if self._end.is_set():
                return
            body = packed_batch(make_hits(self.product, self.batch, f"{name}-{number}"))
            for _ in range(1 + (chance.random() < AGAIN)):
                self._until_taken(body)
            with self._lock:
                self.sent += self.batch
                self.batches += 1

    def _until_taken(self, body: bytes) -> None:
        while True:
            connection = self.product.connect()
            try:
                answer = self.product.send(connection, body)
            except (OSError, http.client.HTTPException):
                answer = None
            finally:
                connection.close()
            if answer is not None and answer["accepted"] == self.batch:
                with self._lock:
                    self.duplicates += answer["duplicate"]
                return
            with self._lock:
                self.failures += 1
            # As an SDK does, only sooner.
            self._end.wait(0.05)


def killed_under_load(product: Product, rounds: int, threads: int = 3, batch: int = 200) -> Outcome:
    """Kill each part in turn, `rounds` times over, while senders go on; then count."""
    kills = dict.fromkeys(VICTIMS, 0)
    with Senders(product, threads, batch) as senders:
        for _, victim in itertools.product(range(rounds), VICTIMS):
            senders.wait_for_more()
            product.kill(victim)
            kills[victim] += 1
        senders.wait_for_more()
    wait_until(product.is_drained, "everything that was sent is counted")
    return Outcome(
        senders.sent, senders.batches, senders.failures, senders.duplicates, kills, product.counts()
    )


def run(rounds: int = 10) -> str:
    """Kill each part ten times, and print what came of it."""
    with running_product() as product:
        outcome = killed_under_load(product, rounds, batch=1_000)
    counts = outcome.counts
    killed = ", ".join(f"{part} {times}" for part, times in outcome.kills.items())
    return "\n".join(
        [
            "ingestion under kill -9",
            f"  killed: {killed} times",
            f"  sent: {outcome.sent:,} hits in {outcome.batches:,} batches",
            f"  {outcome.failures:,} requests without a clear answer were sent again",
            f"  {outcome.duplicates:,} answers said that the batch had been taken before",
            f"  in the store: {counts.store:,} hits of {counts.users:,} different users (each hit has its own)",
            f"  counted: {counts.hourly:,} by hour, {counts.daily:,} by day, {counts.total:,} in all; waiting: {counts.waiting}",
            f"  {'every hit once' if outcome.is_exact else 'NOT EXACT'}",
        ]
    )
