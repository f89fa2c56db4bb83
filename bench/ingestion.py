"""How many hits a second are counted, beside what a bare INSERT of the same rows into the same database reaches.

The product as it runs for people takes batches of a thousand, packed as the SDK packs them, from a load generator that made
them beforehand; the clock stops when the inbox is empty and every hit is counted. Rounds are interleaved with the yardsticks:
multi-row INSERTs of a thousand rows, each committed, with parameters and as text that is ready, and COPY.
"""

from __future__ import annotations

import datetime as dt
import http.client
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar

import psycopg

from bench.ingestion_product import BATCH, Product, make_hits, packed_batch, running_product
from bench.measuring import Figure, figures

HITS: Final = 300_000
ROUNDS: Final = 3
SENDERS: Final = 4
ASKED: Final = 0.5
PRODUCT: Final = "the product"
Batch = TypeVar("Batch")
_COLUMNS: Final = (
    "test, settings_group, variant, user_id, device_id, split_group, environment, time, forced, test_user"
)
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS bare_hits (
    test text, settings_group int, variant text, user_id text, device_id text, split_group smallint, environment text,
    time timestamptz, forced boolean, test_user boolean
)
"""
_COUNTED: Final = (
    "SELECT (SELECT count(*) FROM analytics_waitingbatch), (SELECT sum(hits) FROM analytics_totalhits)"
)


def run(hits: int = HITS, rounds: int = ROUNDS) -> str:
    """The figures, as text."""
    with running_product() as product:
        ways: dict[str, Callable[[int], float]] = {
            PRODUCT: lambda turn: counted_seconds(product, hits, f"p{turn}"),
            "INSERT, parameters": lambda turn: insert_seconds(product, hits, 1),
            "INSERT, literals": lambda turn: insert_seconds(product, hits, 1, literals=True),
            "INSERT, literals, two connections": lambda turn: insert_seconds(product, hits, 2, literals=True),
            "COPY": lambda turn: copy_seconds(product, hits),
        }
        # Connections, caches and the table of counters are warm in every round.
        ways[PRODUCT](-1)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for turn, (name, way) in itertools.product(range(rounds), ways.items()):
            taken[name].append(way(turn))
    return _report(hits, taken)


def _report(hits: int, taken: dict[str, list[float]]) -> str:
    # One client that inserts, in the faster of two ways.
    bare = map(min, taken["INSERT, parameters"], taken["INSERT, literals"])
    ratios = [insert / product for product, insert in zip(taken[PRODUCT], bare, strict=True)]
    ratio = Figure(
        "hits counted, as a multiple of a bare INSERT", statistics.median(ratios), ASKED, at_least=True
    )
    rates = [
        f"  {name:<62} {hits / statistics.median(seconds):>10,.0f} a second"
        for name, seconds in taken.items()
    ]
    title = f"Ingestion ({hits:,} hits in batches of {BATCH:,}; median of {len(ratios)} rounds)"
    return "\n".join([title, figures([ratio]), *rates])


def counted_seconds(product: Product, number: int, name: str) -> float:
    """From the first request to the moment when all are counted."""
    bodies = [packed_batch(make_hits(product, BATCH, f"{name}-{batch}")) for batch in range(number // BATCH)]
    with psycopg.connect(product.layout.database_url, autocommit=True) as database:
        before = _counted(database)[1]
        started = time.perf_counter()
        _send_all(product, bodies)
        while _counted(database) != (0, before + number):
            time.sleep(0.02)
        return time.perf_counter() - started


def _counted(database: psycopg.Connection[Any]) -> tuple[int, int]:
    ((waiting, total),) = database.execute(_COUNTED).fetchall()
    return waiting, int(total or 0)


def _send_all(product: Product, bodies: Sequence[bytes]) -> None:
    left = iter(bodies)
    lock = threading.Lock()
    refused: list[object] = []

    def send_on() -> None:
        connection = product.connect()
        while True:
            with lock:
                body = next(left, None)
            if body is None:
                break
            answer = product.send(connection, body)
            if answer is None or answer["accepted"] != BATCH:
                refused.append(answer)
        connection.close()

    threads = [threading.Thread(target=send_on) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused:
        raise http.client.HTTPException(f"{len(refused)} batches were not taken: {refused[0]}")


def insert_seconds(product: Product, number: int, connections: int, *, literals: bool = False) -> float:
    """Rows in statements of a thousand, each a transaction; values and statements are made before the clock starts."""
    places = ", ".join([f"({', '.join(['%s'] * 10)})"] * BATCH)
    statement = f"INSERT INTO bare_hits ({_COLUMNS}) VALUES {places}"  # noqa: S608 - our own words
    batches: list[tuple[str, list[object] | None]] = [
        (statement, list(itertools.chain.from_iterable(rows))) for rows in _rows(product, number)
    ]
    with psycopg.connect(product.layout.database_url, autocommit=True) as database:
        if literals:
            client = psycopg.ClientCursor(database)
            batches = [(client.mogrify(sql, values), None) for sql, values in batches]

    def insert(batch: tuple[str, list[object] | None], database: psycopg.Connection[Any]) -> None:
        database.execute(batch[0].encode(), batch[1], prepare=not literals)

    with _empty_table(product):
        return _timed(product, connections, batches, insert)


def copy_seconds(product: Product, number: int) -> float:
    """The same rows by COPY, a thousand at a time."""

    def copy_in(rows: list[tuple[object, ...]], database: psycopg.Connection[Any]) -> None:
        with database.cursor().copy(f"COPY bare_hits ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    with _empty_table(product):
        return _timed(product, 1, list(_rows(product, number)), copy_in)


def _rows(product: Product, number: int) -> Iterator[list[tuple[object, ...]]]:
    """The values of the hits, a batch at a time, as the driver wants them."""
    for batch in range(number // BATCH):
        hits = make_hits(product, BATCH, f"u{batch}")
        yield [
            tuple(
                dt.datetime.fromisoformat(str(value)) if name == "time" else value
                for name, value in hit.items()
            )
            for hit in hits
        ]


@contextmanager
def _empty_table(product: Product) -> Iterator[None]:
    with psycopg.connect(product.layout.database_url, autocommit=True) as database:
        database.execute(_TABLE)
        yield
        database.execute("DROP TABLE bare_hits")


def _timed(
    product: Product,
    connections: int,
    batches: Sequence[Batch],
    work: Callable[[Batch, psycopg.Connection[Any]], None],
) -> float:
    """Seconds until all batches are done, by as many connections."""
    left = iter(batches)
    lock = threading.Lock()

    def work_on(database: psycopg.Connection[Any]) -> None:
        while True:
            with lock:
                batch = next(left, None)
            if batch is None:
                return
            work(batch, database)

    with ExitStack() as stack:
        open_ones = [
            stack.enter_context(psycopg.connect(product.layout.database_url, autocommit=True))
            for _ in range(connections)
        ]
        threads = [threading.Thread(target=work_on, args=(database,)) for database in open_ones]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started


if __name__ == "__main__":
    print(run())
