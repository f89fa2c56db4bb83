"""The store of hits and events. `get_store()` is the only way in; it lies where the warehouse of users lies (WAREHOUSE_URL)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.conf import settings

from analytics.store.base import (
    EVENT_COLUMNS,
    HIT_COLUMNS,
    EventOutcome,
    ItemStore,
    Outcomes,
    StoredHit,
    StoreError,
    UserCount,
    WrittenFile,
)
from analytics.store.files import FileStore

__all__ = [
    "EVENT_COLUMNS",
    "HIT_COLUMNS",
    "EventOutcome",
    "ItemStore",
    "Outcomes",
    "StoreError",
    "StoredHit",
    "UserCount",
    "WrittenFile",
    "get_store",
    "open_store",
]


def get_store() -> ItemStore:
    """The store of this installation. Cheap: nothing is opened before the first question."""
    return open_store(settings.WAREHOUSE_URL, settings.VAR_DIR)


@lru_cache(maxsize=8)
def open_store(warehouse_url: str, var_dir: Path) -> ItemStore:
    """The store that goes with a warehouse: `duckdb:` files in the folder `hits` beside the warehouse's, `postgresql:` and
    `clickhouse:` tables there. Of a warehouse that is only read (`?users=`), files in `hits` below VAR_DIR."""
    try:
        parts = urlsplit(warehouse_url)
    except ValueError:
        raise StoreError("WAREHOUSE_URL is no address; see docs/engines.md") from None
    if parts.scheme == "duckdb" and parts.path and not parts.netloc:
        return FileStore(Path(unquote(parts.path)).parent / "hits")
    if _is_only_read(parts):
        return FileStore(var_dir / "hits")
    # Each engine's driver takes its time to import; most installations need none of them.
    if parts.scheme in ("postgresql", "postgres"):
        from analytics.store.postgresql import PostgreSQLItemStore  # noqa: PLC0415

        return PostgreSQLItemStore(parts)
    if parts.scheme in ("clickhouse", "clickhouses"):
        from analytics.store.clickhouse import ClickHouseItemStore  # noqa: PLC0415

        return ClickHouseItemStore.at(parts)
    raise StoreError(
        "hits are stored where WAREHOUSE_URL is like duckdb:///absolute/folder, postgresql://host/database or "
        f"clickhouse://host:8123/database, not {parts.scheme or 'nothing'}://…"
    )


def _is_only_read(parts: SplitResult) -> bool:
    return bool(dict(parse_qsl(parts.query)).get("users"))
