"""How counting grows: users and tests, as a table, as exponents, and as a picture in var/bench/growth.svg.

An exponent is the slope of log(time) over log(size), fitted over a row or a column of the table: 1 is linear, less is better.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.conf import settings

from audience.warehouse.duckdb_engine import DuckDBWarehouse
from bench.audience import NOW, SCAN, Turn, audience, forget_matches, in_wall_clock_turns, scan_turn
from bench.many_users import conditions_of, warehouse_of
from bench.measuring import Figure, figures
from bench.peak_memory import peak_of
from bench.plot import Line, log_log_svg

USERS: Final = (1_000_000, 3_000_000, 10_000_000)
TESTS: Final = (10, 40, 160, 640)
ROUNDS: Final = 3
KEPT: Final = "kept"
UNCACHED: Final = "uncached"
REBUILT: Final = "rebuilt"
_LINEAR: Final = 1.1
"""What an exponent may be and still be called linear: sizes of caches differ, and so do moments."""

Cells = Mapping[tuple[str, int, int], float]
"""Seconds by (what, users, tests); what scans take under tests = 0."""


def run(
    users: Sequence[int] = USERS,
    tests: Sequence[int] = TESTS,
    rounds: int = ROUNDS,
    picture: Path | None = None,
) -> str:
    """The table and the figures, as text; the picture is written."""
    picture = picture or settings.VAR_DIR / "bench" / "growth.svg"
    cells: dict[tuple[str, int, int], float] = {}
    for count in users:
        cells.update(_measured(count, tests, rounds))
    resident, of_its_own = peak_of(warehouse_of(max(users)).store.folder, max(tests))
    picture.write_text(_picture(cells, users, tests), encoding="utf-8")
    most = f"{max(users):,} users, {max(tests)} tests"
    asked = [
        *(
            Figure(f"{name}: exponent of {of}, the worst", exponent, _LINEAR, unit="")
            for what, name in (
                (KEPT, "from kept matches"),
                (UNCACHED, "nothing kept"),
                (REBUILT, "all matches made anew"),
            )
            for of, exponent in (
                ("users", max(_exponent([(n, cells[what, n, test]) for n in users]) for test in tests)),
                ("tests", max(_exponent([(test, cells[what, n, test]) for test in tests]) for n in users)),
            )
        ),
        Figure(f"peak memory with files' pages: {most}", resident, 1024, "MiB"),
        Figure(f"peak memory, its own: {most}", of_its_own, 1024, "MiB"),
    ]
    return "\n".join([*_table(cells, users, tests), figures(asked), f"  {picture}"])


def _measured(users: int, tests: Sequence[int], rounds: int) -> dict[tuple[str, int, int], float]:
    warehouse = warehouse_of(users)
    mine = audience()
    cells: dict[tuple[str, int, int], float] = {}
    with warehouse.store.reading() as (_, connection):
        assert connection is not None
        for count in tests:
            turns = {SCAN: scan_turn(connection), **_turns(warehouse, mine, conditions_of(count))}
            times = in_wall_clock_turns(turns, rounds)
            for what in (KEPT, UNCACHED, REBUILT):
                cells[what, users, count] = statistics.median(times[what])
            cells[SCAN, users, 0] = min(cells.get((SCAN, users, 0), np.inf), statistics.median(times[SCAN]))
    return cells


def _turns(warehouse: DuckDBWarehouse, mine: Any, others: Sequence[Any]) -> dict[str, Turn]:
    def counted(_: int) -> None:
        warehouse.count_table(mine, others, NOW)

    def made_anew(_: int) -> None:
        warehouse.keep_matches(others, NOW)

    def forgotten(_: int) -> None:
        forget_matches(warehouse)

    return {UNCACHED: Turn(counted, forgotten), KEPT: Turn(counted), REBUILT: Turn(made_anew, forgotten)}


def _exponent(points: Sequence[tuple[int, float]]) -> float:
    if len(points) < 2:
        return 0.0
    sizes, seconds = np.log(np.array(points, dtype=np.float64)).T
    return float(np.polyfit(sizes, seconds, 1)[0])


def _table(cells: Cells, users: Sequence[int], tests: Sequence[int]) -> list[str]:
    lines = [
        "The whole table of an audience by users and tests: milliseconds of wall clock, and how many F",
        f"  {'users':>12} {'tests':>6} {'F':>8}   {'kept':>18} {'nothing kept':>18} {'made anew':>18}",
    ]
    for count in users:
        scan = cells[SCAN, count, 0]
        for test in tests:
            columns = "".join(
                f" {cells[what, count, test] * 1e3:>9.1f} {cells[what, count, test] / scan:>6.1f} F"
                for what in (KEPT, UNCACHED, REBUILT)
            )
            lines.append(f"  {count:>12,} {test:>6} {scan * 1e3:>8.1f}  {columns}")
    return lines


def _picture(cells: Cells, users: Sequence[int], tests: Sequence[int]) -> str:
    lines = [
        Line(
            f"{test} tests, {name}",
            [(count, cells[what, count, test] * 1e3) for count in users],
            dashed=what == UNCACHED,
        )
        for test in tests
        for what, name in ((KEPT, "kept"), (UNCACHED, "nothing kept"))
    ]
    lines.append(Line("one scan (F)", [(count, cells[SCAN, count, 0] * 1e3) for count in users]))
    return log_log_svg("An audience's whole table", "users", "milliseconds", lines)
