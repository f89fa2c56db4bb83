"""What is asked of ten million stored hits, against one bare scan of the same files.

Hits of five settings groups over 14 days, and a fifth as many events, in the embedded store: written part by part, merged into a
file a day, asked in turns. In a process of its own with a database that is gone afterwards.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.measuring import Times, times_as_long

if TYPE_CHECKING:
    from analytics.store.files import FileStore

HITS: Final = 10_000_000
DAYS: Final = 14
GROUPS: Final = (1, 2, 3, 4, 5)
PART: Final = 50_000
ROUNDS: Final = 5
FIRST: Final = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
LAST: Final = FIRST + dt.timedelta(days=DAYS)
HOUR: Final = dt.timedelta(hours=1)
SCAN: Final = "F: SELECT group_id, count(*) … GROUP BY 1"
COUNTED: Final = "users of one group by hour, 14 days"


def run(hits: int = HITS, rounds: int = ROUNDS) -> str:
    """The table, as text."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        environment = os.environ | {
            "WAREHOUSE_URL": f"duckdb://{folder}/warehouse",
            "VAR_DIR": f"{folder}/var",
            "DJANGO_SETTINGS_MODULE": "usersplit.settings",
            "LOG_LEVEL": "ERROR",
        }
        inside = [
            sys.executable,
            "-m",
            "bench.stored_hits",
            str(hits),
            str(rounds),
            f"{folder}/measured.json",
        ]
        command = [sys.executable, "-m", "usersplit.embedded", "exec", "--", *inside]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return as_text(json.loads(Path(folder, "measured.json").read_text()))


def as_text(measured: Mapping[str, Any]) -> str:
    times: Times = measured["times"]
    scan = statistics.median(times[SCAN])
    size = measured["bytes"] / measured["hits"]
    title = f"{measured['hits']:,} stored hits of {len(GROUPS)} settings groups over {DAYS} days, {measured['events']:,} events"
    lines = [f"{title}: {measured['files']} files, {size:.1f} bytes a hit"]
    for name, seconds in times.items():
        ratio = times_as_long(times, name, SCAN)
        lines.append(f"  {name:<62} {statistics.median(seconds) * 1e3:>9.1f} ms {ratio:>8.2f} F")
    for name in ("written", "merged"):
        seconds = measured[name]
        lines.append(f"  {name + ' (once)':<62} {seconds * 1e3:>9.1f} ms {seconds / scan:>8.2f} F")
    return "\n".join(lines)


def measure(hits: int, rounds: int) -> dict[str, Any]:
    """Inside a process with a database: everything that needs Django."""
    from analytics.models import StoredFile, Stream  # noqa: PLC0415 - after django.setup()
    from analytics.store import get_store  # noqa: PLC0415
    from analytics.store.files import FileStore  # noqa: PLC0415

    store = get_store()
    assert isinstance(store, FileStore)
    written = _write(store, hits)
    merged = _timed(lambda: store.compact(LAST.date()))
    files = StoredFile.objects.filter(replaced_at=None, stream=Stream.HITS)
    paths = [str(store.folder / path) for path in files.values_list("path", flat=True)]
    return {
        "hits": hits,
        "events": hits // 5,
        "files": len(paths),
        "bytes": sum(Path(path).stat().st_size for path in paths),
        "written": written,
        "merged": merged,
        "times": _in_turns(_ways(store, paths), rounds),
    }


def _ways(store: FileStore, paths: list[str]) -> dict[str, Callable[[], object]]:
    import duckdb  # noqa: PLC0415 - the other parts run without it

    connection = duckdb.connect(":memory:")
    group, somebody = GROUPS[0], "user-12345"
    counted = store.count_users([group], None, None, None)
    expected = connection.execute(
        "SELECT COUNT(DISTINCT visitor) FROM read_parquet(?) WHERE group_id = ? AND environment = 'production'"
        " AND NOT forced AND NOT test_user",
        [paths, group],
    ).fetchone()
    if (
        sum(count.users for count in counted if (count.who, count.environment) == ("users", "production"))
        != (expected or (0,))[0]
    ):
        raise SystemExit("users are counted otherwise than by a scan; nothing was timed")
    scan = "SELECT group_id, count(*) FROM read_parquet(?) GROUP BY 1"
    day = LAST - dt.timedelta(days=1)
    return {
        SCAN: lambda: connection.execute(scan, [paths]).fetchall(),
        COUNTED: lambda: store.count_users([group], None, None, "hour"),
        "users of one group in its last hour": lambda: store.count_users([group], LAST - HOUR, LAST, "hour"),
        "users of all groups, the last day": lambda: store.count_users(GROUPS, day, LAST, "day"),
        "users of one group in all": lambda: store.count_users([group], None, None, None),
        "users of all groups in all": lambda: store.count_users(GROUPS, None, None, None),
        "hits of one user": lambda: store.hits_of(somebody, None),
        "hits of one user, the last day": lambda: store.hits_of(somebody, None, since=day),
        "outcomes of one group, 20 events": lambda: store.outcomes(group, "production"),
    }


def _in_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> Times:
    """The first round is not counted."""
    times: Times = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, way in ways.items():
            seconds = _timed(way)
            if round_:
                times[name].append(seconds)
    return times


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _write(store: FileStore, hits: int) -> float:
    """In the order of time, as they come: a part is a short while of everything. Seconds of the store's own part of it."""
    import duckdb  # noqa: PLC0415

    from analytics.models import StoredFile, Stream  # noqa: PLC0415

    seconds = 0.0
    with duckdb.connect(":memory:") as connection:
        for stream, count, select in ((Stream.HITS, hits, _HITS), (Stream.EVENTS, hits // 5, _EVENTS)):
            size = min(PART, max(1, count // DAYS))
            for part, first in enumerate(range(0, count, size), start=1):
                last = min(first + size, count)
                microseconds = (LAST - FIRST) // dt.timedelta(microseconds=1)
                moment = f"TIMESTAMP '{FIRST:%Y-%m-%d}' + to_microseconds(CAST(i * {microseconds / count:.6f} AS BIGINT))"
                rows = select.format(first=first, last=last, time=moment, users=max(20_000, hits // 5))
                connection.execute(f"CREATE OR REPLACE TABLE items AS {rows}")
                began = time.perf_counter()
                written = store.write(stream, part, connection, "items")
                seconds += time.perf_counter() - began
                StoredFile.objects.bulk_create(
                    StoredFile(stream=stream, day=file.day, path=file.path, items=file.items)
                    for file in written
                )
    return seconds


# The first group has half of the hits. A user keeps a variant; one in twenty is a guest with a device.
_HITS: Final = """
SELECT g AS group_id, 'test_' || g AS test, 1 AS settings_group,
    CASE WHEN hash(u, g) % 2 = 0 THEN 'control' ELSE 'green' END AS variant,
    CASE WHEN u % 20 > 0 THEN 'user-' || u END AS user_id, CASE WHEN u % 20 = 0 THEN 'device-' || u END AS device_id,
    1 + u % 2400 AS split_group, CASE WHEN hash(i) % 10 = 0 THEN 'devel' ELSE 'production' END AS environment,
    {time} AS time, hash(i, 1) % 1000 = 0 AS forced, hash(i, 2) % 1000 = 0 AS test_user
FROM (SELECT i, hash(i, 3) % {users} AS u, [1, 1, 1, 1, 2, 3, 4, 5][CAST(1 + hash(i, 4) % 8 AS BIGINT)] AS g
      FROM range({first}, {last}) AS r(i))
"""
_EVENTS: Final = """
SELECT 'event_' || hash(i, 5) % 20 AS event, CASE WHEN u % 20 > 0 THEN 'user-' || u END AS user_id,
    CASE WHEN u % 20 = 0 THEN 'device-' || u END AS device_id,
    CASE WHEN hash(i, 6) % 10 = 0 THEN 'devel' ELSE 'production' END AS environment, {time} AS time,
    CASE WHEN hash(i, 7) % 3 = 0 THEN (hash(i, 8) % 10000) / 100 END AS value
FROM (SELECT i, hash(i, 9) % {users} AS u FROM range({first}, {last}) AS r(i))
"""


def _main() -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    hits, rounds, path = sys.argv[1:]
    Path(path).write_text(json.dumps(measure(int(hits), int(rounds))))


if __name__ == "__main__":
    _main()
