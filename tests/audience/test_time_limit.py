"""A count that takes too long is stopped, and says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest
from django.conf import LazySettings

from audience.warehouse import WarehouseQueryFailed
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from audience.warehouse.time_limits import TimeLimit
from tests.audience.catalogues import DEFAULT
from tests.audience.test_kept_matches import OTHERS, load

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"


def test_a_query_over_its_time_is_interrupted() -> None:
    with duckdb.connect(":memory:") as connection:
        with (
            pytest.raises(WarehouseQueryFailed, match=r"longer than 0\.2 seconds"),
            TimeLimit(0.2).stopping(connection.interrupt),
        ):
            connection.execute(ENDLESS).fetchall()
        assert connection.execute("SELECT 1").fetchall() == [(1,)], "the connection is good for the next"


def test_the_query_after_the_one_that_ended_just_in_time_is_interrupted_too() -> None:
    with duckdb.connect(":memory:") as connection:
        limit = TimeLimit(0.1)

        def queries() -> None:
            while limit.left():
                connection.execute("SELECT 1").fetchall()
            connection.execute(ENDLESS).fetchall()

        with pytest.raises(WarehouseQueryFailed), limit.stopping(connection.interrupt):
            queries()


def test_an_error_within_the_time_stays_what_it_is() -> None:
    with (
        duckdb.connect(":memory:") as connection,
        pytest.raises(duckdb.CatalogException),
        TimeLimit(60).stopping(connection.interrupt),
    ):
        connection.execute("SELECT * FROM nothing")


@pytest.mark.parametrize("codes_from", [1, 10**9])
def test_counts_keep_to_the_limit_of_the_installation(
    tmp_path: Path, settings: LazySettings, codes_from: int
) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT, codes_from=codes_from)
    load(warehouse, users=1000)
    settings.WAREHOUSE_TIME_LIMIT = 0.0
    with pytest.raises(WarehouseQueryFailed, match="WAREHOUSE_TIME_LIMIT"):
        warehouse.count_table([], OTHERS, NOW)
    assert warehouse.keep_matches(OTHERS, NOW).kept == 0
    settings.WAREHOUSE_TIME_LIMIT = 60.0
    assert warehouse.count_table([], OTHERS, NOW).users.sum() == 1000
