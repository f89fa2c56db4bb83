"""Counting the audience of a test, and what it shares with others, against one bare scan of the same users.

Wall-clock time, all rows in turns, round after round. What the scan says of every split group is compared first.
"""

from __future__ import annotations

import datetime as dt
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np

from audience.warehouse.duckdb_engine import DuckDBWarehouse
from bench.many_users import CATALOGUE, asks, conditions_of, parsed, warehouse_of
from bench.measuring import Figure, Times, figures, times_as_long
from bench.peak_memory import peak_of

TESTS: Final = 40
SIZES: Final = (10_000_000, 1_000_000)
ROUNDS: Final = 9
NOW: Final = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)

SCAN = "F: SELECT split_group, count(*) … GROUP BY 1"
ALONE = "the audience alone"
KEPT = "the whole table, others' matches kept"
UNCACHED = "the whole table, nothing kept"
REBUILT = "all kept matches made anew"
LIVE = "live: a condition just edited"
LIVE_TABLE = "live, with the whole table"


@dataclass(frozen=True)
class Turn:
    """`call` is timed, `before` is not; both are told the round."""

    call: Callable[[int], object]
    before: Callable[[int], object] = lambda _: None


def run(sizes: Sequence[int] = SIZES, tests: int = TESTS, rounds: int = ROUNDS) -> str:
    """The tables and the figures, as text."""
    return "\n\n".join(_of_size(users, tests, rounds, 1 if users >= max(sizes) else 2) for users in sizes)


def audience() -> Any:
    """Conditions that most users meet."""
    return parsed([asks("age", "gte", 18), "OR", asks("is_paying", "eq", True)])


def edited(round_: int) -> Any:
    """What somebody at work on conditions asks next: never the same twice."""
    return parsed(
        [
            asks("country_id", "in", [276, 840, 826, 40][: 1 + round_ % 4]), "OR",
            [asks("registered_at", "within_days", 100 + round_), "AND", asks("app_version", "version_gte", "1.10")],
        ]
    )  # fmt: skip


def in_wall_clock_turns(turns: dict[str, Turn], rounds: int) -> Times:
    """Seconds of each call; a round in which everything is warmed up is not counted."""
    taken: Times = {name: [] for name in turns}
    for round_ in range(rounds + 1):
        for name, turn in turns.items():
            turn.before(round_)
            started = time.perf_counter()
            turn.call(round_)
            if round_:
                taken[name].append(time.perf_counter() - started)
    return taken


def forget_matches(warehouse: DuckDBWarehouse) -> None:
    """As after a load: codes are there, matches are not."""
    for folder in warehouse.store.folder.glob("codes-*/matches"):
        shutil.rmtree(folder)


def scan_turn(connection: duckdb.DuckDBPyConnection) -> Turn:
    """F."""
    query = "SELECT split_group, count(*) FROM store.users GROUP BY 1"
    return Turn(lambda _: connection.execute(query).fetchall())


def _of_size(users: int, tests: int, rounds: int, allowance: int) -> str:
    warehouse = warehouse_of(users)
    others = conditions_of(tests)
    mine = audience()
    _compare_with_a_scan(warehouse, mine, others)
    with warehouse.store.reading() as (_, connection):
        assert connection is not None
        times = in_wall_clock_turns(
            {
                SCAN: scan_turn(connection),
                ALONE: Turn(lambda _: warehouse.count_table(mine, [], NOW)),
                LIVE: Turn(lambda n: warehouse.count_table(edited(n), [], NOW)),
                UNCACHED: Turn(
                    lambda _: warehouse.count_table(mine, others, NOW), lambda _: forget_matches(warehouse)
                ),
                KEPT: Turn(lambda _: warehouse.count_table(mine, others, NOW)),
                LIVE_TABLE: Turn(lambda n: warehouse.count_table(edited(n + rounds), others, NOW)),
                REBUILT: Turn(
                    lambda _: warehouse.keep_matches(others, NOW), lambda _: forget_matches(warehouse)
                ),
            },
            rounds,
        )
    kept = warehouse.keep_matches(others, NOW)
    bits = kept.size * 8 / users / kept.kept
    resident, of_its_own = peak_of(warehouse.store.folder, tests)
    asked = [
        *(
            Figure(what, times_as_long(times, what, SCAN), target * allowance, "F")
            for what, target in ((ALONE, 6), (KEPT, 2.5), (UNCACHED, 25), (REBUILT, 30), (LIVE, 6))
        ),
        Figure("kept matches: bits per user and test", bits, 1.1, "bit"),
        Figure("peak memory, pages of files included", resident, 1024, "MiB"),
        Figure("peak memory, its own", of_its_own, 1024, "MiB"),
    ]
    title = (
        f"Counting {users:,} users, {tests} other tests ({kept.kept} different conditions that ask something); "
        f"{_share(warehouse, mine):.0%} of them match. DuckDB {duckdb.__version__}, wall clock"
    )
    return "\n".join([title, *_rows(times), _codes_row(warehouse, times), figures(asked)])


def _rows(times: Times) -> list[str]:
    return [
        f"  {name:<62} {statistics.median(seconds) * 1e3:>10.1f} ms {times_as_long(times, name, SCAN):>8.2f} F"
        for name, seconds in times.items()
    ]


def _codes_row(warehouse: DuckDBWarehouse, times: Times) -> str:
    """What making the codes adds to a load."""
    generation = warehouse.store.current()
    assert generation.file is not None
    with tempfile.TemporaryDirectory(dir=warehouse.store.folder) as folder:
        beside = DuckDBWarehouse(Path(folder), lambda: CATALOGUE, codes_from=1)
        (Path(folder) / generation.file).hardlink_to(warehouse.store.folder / generation.file)
        started = time.perf_counter()
        beside.store.codes(generation)
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(folder).glob("codes-*/*.codes"))
    ratio = seconds / statistics.median(times[SCAN])
    what = f"codes made by a load, once ({size / generation.users:.1f} bytes a user)"
    return f"  {what:<62} {seconds * 1e3:>10.1f} ms {ratio:>8.2f} F"


def _share(warehouse: DuckDBWarehouse, conditions: Any) -> float:
    return float(warehouse.count_table(conditions, [], NOW).users.sum() / warehouse.user_count())


def _compare_with_a_scan(warehouse: DuckDBWarehouse, mine: Any, others: Sequence[Any]) -> None:
    scanning = DuckDBWarehouse(warehouse.store.folder, lambda: CATALOGUE, codes_from=10**12)
    by_scan = scanning.count_table(mine, others, NOW)
    for _ in ("worked out", "kept"):
        table = warehouse.count_table(mine, others, NOW)
        if not (np.array_equal(table.users, by_scan.users) and np.array_equal(table.shared, by_scan.shared)):
            raise SystemExit("The counts are not those of a scan: nothing was timed.")
