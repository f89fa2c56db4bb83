"""Importing ten million users: time, the most memory at once, and imports that are killed at random moments and repeated.

BENCH_IMPORT_USERS and BENCH_KILLED_USERS set other sizes.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from audience.generator import write_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from bench.many_users import CATALOGUE
from bench.measuring import Figure, figures

USERS: Final = int(os.environ.get("BENCH_IMPORT_USERS", "10000000"))
KILLED_USERS: Final = int(os.environ.get("BENCH_KILLED_USERS", "1000000"))
KILLS: Final = 20
SEED: Final = 20_26
GIGABYTE: Final = 1_000_000_000
MOST_MEMORY: Final = 2.0


@dataclass(frozen=True)
class Import:
    """What one import took."""

    what: str
    rows: int
    taken: dict[str, Any]

    def __str__(self) -> str:
        seconds = self.taken["seconds"]
        return (
            f"  {self.what:<44} {seconds:>7.1f} s  {self.rows / seconds:>10,.0f} rows/s "
            f"{self.taken['processor_seconds']:>7.1f} s CPU  {self.taken['peak_bytes'] / GIGABYTE:>5.2f} GB at most"
        )


def run() -> str:
    """The table, as text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        imports = _imports(folder)
        different, mixed, published = _killed_and_repeated(folder)
    peak = max(one.taken["peak_bytes"] for one in imports) / GIGABYTE
    return "\n".join(
        [
            f"Importing {USERS:,} users (DuckDB {duckdb.__version__})",
            *map(str, imports),
            f"{KILLED_USERS:,} users changed to and fro, killed at {KILLS} random moments ({published} times it was published already), then done:",
            figures(
                [
                    Figure("the most memory of an importing process", peak, MOST_MEMORY, "GB"),
                    Figure("kills after which the users were a mixture", mixed, 0, ""),
                    Figure("users that differ from an undisturbed import's", different, 0, ""),
                ]
            ),
        ]
    )


def _imports(folder: Path) -> list[Import]:
    files = _files(folder, USERS)
    done = []
    for what, file, rows in (
        ("CSV into an empty warehouse", files["all.csv"], USERS),
        ("Parquet, a few new and changed users", files["few.parquet"], USERS // 50 + USERS // 100),
        ("Parquet, everybody changed", files["changed.parquet"], USERS),
    ):
        done.append(Import(what, rows, _import(folder / "warehouse", file)))
        file.unlink()
    return done


def _files(folder: Path, users: int) -> dict[str, Path]:
    """Everybody as CSV; everybody with another age; every fiftieth with another one again, and new users."""
    everybody = folder / "all.parquet"
    write_users(everybody, count=users)
    queries = {
        "all.csv": "SELECT * FROM users",
        "changed.parquet": "SELECT * REPLACE (coalesce(age, 0) + 1 AS age) FROM users",
        "few.parquet": "SELECT * REPLACE (coalesce(age, 0) + 2 AS age) FROM users WHERE id::BIGINT % 50 = 0 "
        "UNION ALL SELECT * REPLACE ('new' || id AS id) FROM users WHERE id::BIGINT % 100 = 0",
    }
    with duckdb.connect(
        ":memory:", config={"memory_limit": "1GB", "temp_directory": str(folder)}
    ) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"CREATE VIEW users AS FROM '{everybody}'")
        for name, query in queries.items():
            connection.execute(f"COPY ({query}) TO '{folder / name}'")
    everybody.unlink()
    return {name: folder / name for name in queries}


def _import(store: Path, file: Path) -> dict[str, Any]:
    finished = subprocess.run(_command(store, file), check=True, stdout=subprocess.PIPE)
    taken: dict[str, Any] = json.loads(finished.stdout)
    return taken


def _command(store: Path, file: Path) -> list[str]:
    return [sys.executable, "-m", "bench.import_process", str(store), str(file)]


def _killed_and_repeated(folder: Path) -> tuple[int, int, int]:
    """(users that differ from an undisturbed import's, kills that left a mixture, kills that came after the load was published).

    The rounds take turns with two files that change every user, so that each has all of the work to do.
    """
    parts = folder / "killed"
    parts.mkdir()
    files = _files(parts, KILLED_USERS)
    turns = [files["changed.parquet"], files["all.csv"]]
    undisturbed, disturbed = parts / "undisturbed", parts / "disturbed"
    for store in (undisturbed, disturbed):
        _import(store, files["all.csv"])
    ages = {_ages(undisturbed)}
    started = time.monotonic()
    _import(undisturbed, files["changed.parquet"])
    longest = time.monotonic() - started
    ages.add(_ages(undisturbed))
    moments = random.Random(SEED)  # noqa: S311 - moments, not secrets
    published = mixed = 0
    for _ in range(KILLS):
        before = _users(disturbed)
        process = subprocess.Popen(_command(disturbed, turns[published % 2]), stdout=subprocess.DEVNULL)
        try:
            process.wait(moments.uniform(0.5, 1.4) * longest)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        published += _users(disturbed) != before
        mixed += _ages(disturbed) not in ages
    _import(disturbed, files["changed.parquet"])
    return _different(undisturbed, disturbed), mixed, published


def _ages(store: Path) -> tuple[int, int]:
    """How many users there are and how old they are together: two numbers that no mixture of two loads has."""
    with duckdb.connect(str(_users(store)), read_only=True) as connection:
        users, years = connection.execute("SELECT count(*), sum(age) FROM users").fetchall()[0]
    return int(users), int(years)


def _users(store: Path) -> Path:
    generation = DuckDBWarehouse(store, lambda: CATALOGUE).store.current()
    if generation.file is None:
        raise RuntimeError("a killed import has lost the users of before")
    return store / generation.file


def _different(one: Path, other: Path) -> int:
    """Users that are in one warehouse and not, with the same split group and values, in the other."""
    with duckdb.connect(":memory:", config={"memory_limit": "2GB"}) as connection:
        for name, store in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{_users(store)}' AS {name} (READ_ONLY)")
        rows = connection.execute(
            "SELECT count(*) FROM ((FROM one.users EXCEPT FROM other.users) UNION ALL (FROM other.users EXCEPT FROM one.users))"
        ).fetchall()
    return int(rows[0][0])
