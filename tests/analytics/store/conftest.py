"""One store of each engine, empty, and gone when its test is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect
import psycopg
import pytest
from pytest_django import Settings

from analytics.store import ItemStore, open_store
from analytics.store.clickhouse import ClickHouseItemStore
from analytics.store.files import FileStore
from analytics.store.postgresql import PostgreSQLItemStore
from audience.warehouse.clickhouse_store import ClickHouseStore
from tests.audience.engines.conftest import chdb_client, chdb_folder, database_url

__all__ = ["chdb_folder"]
ENGINES = ("duckdb", "postgresql", "clickhouse")


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path, db: None) -> Iterator[ItemStore]:
    if request.param == "duckdb":
        yield FileStore(tmp_path / "hits")
    elif request.param == "postgresql":
        yield from _in_postgresql()
    else:
        yield from _in_clickhouse(request.getfixturevalue("chdb_folder"))


def _in_postgresql() -> Iterator[ItemStore]:
    schema = f"items_{secrets.token_hex(6)}"
    yield PostgreSQLItemStore(urlsplit(database_url(schema=schema)))
    with psycopg.connect(database_url()) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _in_clickhouse(folder: Path) -> Iterator[ItemStore]:
    database = f"items_{secrets.token_hex(6)}"
    keeper = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    keeper.command(f"CREATE DATABASE {database}")
    store = ClickHouseStore(lambda: chdb_client(folder, database))
    yield ClickHouseItemStore(store)
    store.client().close()
    keeper.command(f"DROP DATABASE {database}")
    keeper.close()


@pytest.fixture
def files(tmp_path: Path, settings: Settings, db: None) -> FileStore:
    """The embedded store of this test's installation."""
    store = open_store(settings.WAREHOUSE_URL, settings.VAR_DIR)
    assert isinstance(store, FileStore)
    return store
