"""One warehouse of each engine that can be loaded, empty, and gone when its test is."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import psycopg
import pytest
from clickhouse_connect.driver.client import Client

from audience.loading import LoadReport, load_users
from audience.specs import Catalogue
from audience.warehouse import Warehouse
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from audience.warehouse.clickhouse_store import ClickHouseStore
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from audience.warehouse.postgresql_engine import PostgreSQLWarehouse
from tests.audience.catalogues import WIDER

ENGINES = ("duckdb", "postgresql", "clickhouse")


@dataclass(frozen=True)
class Place:
    """An empty place for users in one engine. `open` gives the warehouse that is there, under any catalogue."""

    engine: str
    folder: Path
    open: Callable[[Catalogue], Warehouse]

    def load(self, content: str | bytes, catalogue: Catalogue = WIDER, **options: Any) -> LoadReport:
        path = self.folder / "users.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_users(path, warehouse=self.open(catalogue), catalogue=catalogue, **options)


@pytest.fixture(scope="session")
def chdb_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Today's ClickHouse inside this process keeps one folder for the process's life, whoever imports this fixture."""
    folder = tmp_path_factory.getbasetemp() / "chdb"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from make_place(request, request.param, tmp_path)


def make_place(request: pytest.FixtureRequest, engine: str, folder: Path) -> Iterator[Place]:
    """For fixtures of other scopes."""
    if engine == "duckdb":
        yield Place(engine, folder, lambda catalogue: DuckDBWarehouse(folder / "store", lambda: catalogue))
    elif engine == "postgresql":
        yield from _in_postgresql(folder)
    else:
        yield from _in_clickhouse(folder, request.getfixturevalue("chdb_folder"))


def database_url(**options: str) -> str:
    """The tests' own PostgreSQL, with a warehouse's options."""
    url = os.environ["DATABASE_URL"]
    return url + ("&" if "?" in url else "?") + "&".join(f"{name}={value}" for name, value in options.items())


def _in_postgresql(folder: Path) -> Iterator[Place]:
    schema = f"engine_{secrets.token_hex(6)}"
    address = urlsplit(database_url(schema=schema))
    yield Place("postgresql", folder, lambda catalogue: PostgreSQLWarehouse(address, lambda: catalogue))
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def chdb_client(folder: Path, database: str) -> Client:
    return clickhouse_connect.get_client(interface="chdb", path=str(folder), database=database)


def _in_clickhouse(folder: Path, engine_folder: Path) -> Iterator[Place]:
    database = f"engine_{secrets.token_hex(6)}"
    keeper = clickhouse_connect.get_client(interface="chdb", path=str(engine_folder))
    keeper.command(f"CREATE DATABASE {database}")
    store = ClickHouseStore(lambda: chdb_client(engine_folder, database))
    yield Place("clickhouse", folder, lambda catalogue: ClickHouseWarehouse(store, lambda: catalogue))
    keeper.command(f"DROP DATABASE {database}")
    store.client().close()
    keeper.close()
