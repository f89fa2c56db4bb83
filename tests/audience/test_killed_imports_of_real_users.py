"""Two real user bases, one of them dirty on purpose: killed at random moments and repeated, they end as an undisturbed import does.

Where the files are not at hand, files of the same shape and the same kinds of dirt are made up. KILLED_LOADS sets how often each is killed.
"""

from __future__ import annotations

import gzip
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from audience.loading import LoadReport, load_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import CATALOGUES, VISITS
from tests.audience.loading_process import LoadingProcess

DATA = Path(os.environ.get("REAL_DATA", Path(settings.BASE_DIR).parent / "shared" / "data"))
KILLS = int(os.environ.get("KILLED_LOADS", "3"))


def made_up_players() -> str:
    source = random.Random(1)
    rows = [
        f"{number},{source.choice(('gate_30', 'gate_40'))},{int(source.expovariate(1 / 50))},{source.choice(('TRUE', 'FALSE'))},FALSE\r\n"
        for number in range(20_000)
    ]
    return "userid,version,sum_gamerounds,retention_1,retention_7\r\n" + "".join(rows)


def made_up_visits() -> str:
    source = random.Random(2)
    rows = [
        f"{source.randrange(19_000)},2017-01-{source.randrange(2, 25):02}"
        f" 13:42:{source.randrange(60):02}.{source.randrange(10**6):06},control,old_page,{source.randrange(2)}\n"
        for number in range(20_000)
    ]
    return "user_id,timestamp,group,landing_page,converted\n" + "".join(rows)


FILES: dict[str, tuple[Callable[[], str], str]] = {
    "cookie_cats.csv.gz": (made_up_players, "players"),
    "ab_data.csv.gz": (made_up_visits, "visits"),
}


@pytest.fixture(params=list(FILES))
def file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A file and the name of its catalogue."""
    make, catalogue = FILES[request.param]
    path = DATA / request.param
    if not path.exists():
        path = tmp_path / request.param
        path.write_bytes(gzip.compress(make().encode()))
    return path, catalogue


def rows(warehouse: DuckDBWarehouse, query: str) -> list[tuple[Any, ...]]:
    with warehouse.store.reading() as (_, connection):
        return [] if connection is None else connection.execute(query).fetchall()


def values_of(warehouse: DuckDBWarehouse) -> list[tuple[Any, ...]]:
    """One number for all users with all their values, whatever their split groups."""
    return rows(
        warehouse,
        "SELECT count(*), bit_xor(hash(u)) FROM (SELECT * EXCLUDE (split_group) FROM store.users) AS u",
    )


def split_groups_of(warehouse: DuckDBWarehouse) -> list[tuple[Any, ...]]:
    """The same for who has which split group."""
    return rows(warehouse, "SELECT bit_xor(hash(id, split_group)) FROM store.users")


def told(report: LoadReport) -> tuple[Any, ...]:
    return report.rows_read, report.rejected, report.rejects, report.mapped, report.user_count


def test_killed_and_repeated_it_is_what_an_undisturbed_import_is(
    file: tuple[Path, str], tmp_path: Path
) -> None:
    path, name = file
    catalogue = CATALOGUES[name]
    undisturbed = DuckDBWarehouse(tmp_path / "undisturbed", lambda: catalogue)
    began = time.monotonic()
    first = load_users(path, warehouse=undisturbed, catalogue=catalogue)
    longest = time.monotonic() - began
    assert first.added == undisturbed.user_count() > 12_000

    disturbed = DuckDBWarehouse(tmp_path / "disturbed", lambda: catalogue)
    moments = random.Random(3)
    split_groups: list[tuple[Any, ...]] = []
    for _ in range(KILLS):
        LoadingProcess(tmp_path / "disturbed", path, catalogue=name).kill_after(
            moments.uniform(0, 1.2 * longest)
        )
        assert disturbed.user_count() in (0, first.user_count)
        split_groups = split_groups or split_groups_of(disturbed)
    last = load_users(path, warehouse=disturbed, catalogue=catalogue)
    assert told(last) == told(first)
    assert values_of(disturbed) == values_of(undisturbed)
    assert split_groups in ([], split_groups_of(disturbed))


def test_of_a_user_who_comes_twice_the_first_row_counts(tmp_path: Path) -> None:
    path = DATA / "ab_data.csv.gz"
    if not path.exists():
        path = tmp_path / "ab_data.csv.gz"
        path.write_bytes(gzip.compress(made_up_visits().encode()))
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: VISITS)
    report = load_users(path, warehouse=warehouse, catalogue=VISITS)
    first: dict[str, str] = {}
    lines = 0
    with gzip.open(path, "rt", encoding="ascii") as text:
        next(text)
        for line in text:
            cells = line.strip().split(",")
            first.setdefault(cells[0], cells[3])
            lines += 1
    assert (report.rows_read, report.added, report.rejected) == (lines, len(first), lines - len(first))
    assert dict(rows(warehouse, "SELECT id, landing_page FROM store.users")) == first
