"""How many matching users registered on each day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from audience.loading import load_users
from audience.warehouse import WarehouseError
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import WIDER

NOW = dt.datetime(2026, 11, 10, 15, 30, tzinfo=dt.UTC)
GERMAN = [{"filter": "language", "source": "user", "operator": "eq", "value": "de"}]
UNKNOWN = [{"filter": "platform", "source": "environment", "operator": "eq", "value": "web"}]
USERS = """id,language,registered_at
today,de,2026-11-10T00:00:00Z
last_moment,de,2026-11-09T23:59:59.999999Z
midnight,fr,2026-11-09T00:00:00Z
day_before,de,2026-11-08T12:00:00Z
also,de,2026-11-08T13:00:00Z
oldest,de,2026-11-07T00:00:00Z
too_old,de,2026-11-06T23:59:59Z
never,de,
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: WIDER)
    (tmp_path / "users.csv").write_text(USERS)
    load_users(tmp_path / "users.csv", warehouse=warehouse, catalogue=WIDER)
    return warehouse


def test_whole_days_in_utc_before_today_the_newest_last(warehouse: DuckDBWarehouse) -> None:
    assert warehouse.arrivals([], NOW, 3).tolist() == [1, 2, 2]
    assert warehouse.arrivals(GERMAN, NOW, 3).tolist() == [1, 2, 1]
    west = NOW.astimezone(dt.timezone(dt.timedelta(hours=-9)))
    assert warehouse.arrivals([], west, 3).tolist() == [1, 2, 2]


def test_what_the_warehouse_does_not_have_counts_as_met(warehouse: DuckDBWarehouse) -> None:
    assert warehouse.arrivals(UNKNOWN, NOW, 3).tolist() == [1, 2, 2]


def test_days_on_which_nobody_came_are_zero(warehouse: DuckDBWarehouse) -> None:
    later = NOW + dt.timedelta(days=400)
    assert warehouse.arrivals([], later, 28).tolist() == [0] * 28
    assert DuckDBWarehouse(warehouse.store.folder / "none", lambda: WIDER).arrivals([], NOW, 2).tolist() == [
        0,
        0,
    ]


def test_without_registrations_the_warehouse_says_so(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: WIDER)
    (tmp_path / "users.csv").write_text("id,language\na,de\n")
    load_users(tmp_path / "users.csv", warehouse=warehouse, catalogue=WIDER)
    with pytest.raises(WarehouseError, match="registered_at"):
        warehouse.arrivals([], NOW, 28)
