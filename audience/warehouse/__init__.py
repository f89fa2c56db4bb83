"""The warehouse of users. `get_warehouse()` is the only way in; which engine answers is set by WAREHOUSE_URL."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from audience.moments import Moments
from audience.warehouse.base import (
    CountTable,
    DuplicateId,
    KeptReport,
    MergeReport,
    UserBatch,
    UserRecord,
    Warehouse,
    WarehouseError,
    WarehouseQueryFailed,
    WarehouseUnavailable,
)
from audience.warehouse.duckdb_engine import DuckDBWarehouse

__all__ = [
    "CountTable",
    "DuplicateId",
    "KeptReport",
    "MergeReport",
    "Moments",
    "UserBatch",
    "UserRecord",
    "Warehouse",
    "WarehouseError",
    "WarehouseQueryFailed",
    "WarehouseUnavailable",
    "get_warehouse",
    "open_warehouse",
]


def get_warehouse() -> Warehouse:
    """The warehouse of this installation. Cheap: nothing is opened before the first question."""
    return open_warehouse(settings.WAREHOUSE_URL)


@lru_cache(maxsize=8)
def open_warehouse(url: str) -> Warehouse:
    """The warehouse at an address.

    `duckdb:///absolute/folder` (its user files lie in that folder), `postgresql://user:password@host/database`,
    `clickhouse://user:password@host:8123/database` (`clickhouses://` with TLS). docs/engines.md says what may follow.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise WarehouseUnavailable("WAREHOUSE_URL is no address; see docs/engines.md") from None
    if parts.scheme == "duckdb" and parts.path and not parts.netloc:
        return DuckDBWarehouse(Path(unquote(parts.path)))
    # Each engine's driver takes its time to import; most installations need none of them.
    if parts.scheme in ("postgresql", "postgres"):
        from audience.warehouse.postgresql_engine import PostgreSQLWarehouse  # noqa: PLC0415

        return PostgreSQLWarehouse(parts)
    if parts.scheme in ("clickhouse", "clickhouses"):
        from audience.warehouse.clickhouse_engine import ClickHouseWarehouse  # noqa: PLC0415

        return ClickHouseWarehouse.at(parts)
    raise WarehouseUnavailable(
        "WAREHOUSE_URL must be like duckdb:///absolute/folder, postgresql://host/database or "
        f"clickhouse://host:8123/database, not {parts.scheme or 'nothing'}://…"
    )
