"""Stores in servers: parts that were half written, tables of others, old days, servers that are not there."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import clickhouse_connect
import psycopg
import pytest
from pytest_django import Settings

from analytics.models import Stream
from analytics.store import StoreError, open_store
from analytics.store.clickhouse import ClickHouseItemStore
from analytics.store.files import FileStore
from analytics.store.postgresql import PostgreSQLItemStore
from tests.analytics.store.items import (
    FIRST,
    GROUPS,
    Item,
    count_users,
    loaded,
    random_events,
    random_hits,
    store,
    within,
)
from tests.audience.engines.clickhouse_over_http import PASSWORD, USER, serving
from tests.audience.engines.conftest import database_url

DAY = dt.timedelta(days=1)
SERVERS = ["postgresql", "clickhouse"]


def execute(place: Any, sql: str) -> None:
    if isinstance(place, ClickHouseItemStore):
        place.store.client().command(sql)
    else:
        assert isinstance(place, PostgreSQLItemStore)
        with psycopg.connect(database_url()) as connection:
            connection.execute(f"SET search_path = {place.store.address.schema}")
            connection.execute(sql)


def assert_holds(place: Any, hits: list[Item]) -> None:
    assert set(place.count_users(GROUPS, None, None, "hour")) == count_users(hits, GROUPS, "hour")
    assert len(place.hits_of("7", None, limit=10_000)) == sum(hit["user_id"] == "7" for hit in hits)


@pytest.mark.parametrize("place", SERVERS, indirect=True)
def test_a_part_that_was_half_written_is_written_anew(place: Any, tmp_path: Path) -> None:
    hits = random_hits(1, 600)
    store(place, tmp_path, hits[:300], part=1)
    store(place, tmp_path, hits[300:], part=2)
    # As a writer leaves it that was killed between two days: ClickHouse has no transactions.
    half = "ALTER TABLE usersplit_hits DELETE WHERE part = 2 AND visitor < 'u:4' SETTINGS mutations_sync = 2"
    if isinstance(place, PostgreSQLItemStore):
        half = "DELETE FROM usersplit_hits WHERE part = 2 AND visitor < 'u:4'"
    execute(place, half)
    with pytest.raises(AssertionError):
        assert_holds(place, hits)
    store(place, tmp_path, hits[300:], part=2)
    assert_holds(place, hits)
    store(place, tmp_path, hits[300:], part=2)
    assert_holds(place, hits)


@pytest.mark.parametrize("place", SERVERS, indirect=True)
def test_days_of_long_ago_are_dropped_from_servers(place: Any, tmp_path: Path) -> None:
    hits = random_hits(2, 400)
    assert place.prune(FIRST.date()) == 0
    store(place, tmp_path, hits)
    assert place.prune((FIRST + 2 * DAY).date()) == 2
    assert place.prune((FIRST + 2 * DAY).date()) == 0
    assert_holds(place, within(hits, FIRST + 2 * DAY, None))
    assert place.compact(None) == 0


@pytest.mark.parametrize("place", SERVERS, indirect=True)
def test_a_table_of_that_name_that_is_somebody_else_s_is_left_alone(place: Any, tmp_path: Path) -> None:
    if isinstance(place, PostgreSQLItemStore):
        with psycopg.connect(database_url()) as connection:
            connection.execute(f"CREATE SCHEMA {place.store.address.schema}")
        execute(place, "CREATE TABLE usersplit_hits (secret text)")
    else:
        execute(place, "CREATE TABLE usersplit_hits (secret String) ENGINE = Memory")
    with (
        loaded(tmp_path, Stream.HITS, random_hits(3, 5)) as connection,
        pytest.raises(StoreError, match="usersplit_hits, which UserSplit has not made"),
    ):
        place.write(Stream.HITS, 1, connection, "items")
    with pytest.raises(StoreError, match="has not made"):
        place.count_users([11], None, None, None)
    with pytest.raises(StoreError, match="has not made"):
        place.prune(FIRST.date())


@pytest.fixture
def by_address(chdb_folder: Path, db: None) -> Iterator[ClickHouseItemStore]:
    """Reached as a server is: by a URL, over the driver's HTTP."""
    database = f"items_{secrets.token_hex(6)}"
    with clickhouse_connect.get_client(interface="chdb", path=str(chdb_folder)) as keeper:
        keeper.command(f"CREATE DATABASE {database}")
        with serving(chdb_folder) as port:
            address = f"clickhouse://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/{database}"
            place = ClickHouseItemStore.at(urlsplit(address))
            yield place
            place.store.client().close()
        keeper.command(f"DROP DATABASE {database}")


def test_clickhouse_is_written_and_asked_by_its_address(
    by_address: ClickHouseItemStore, tmp_path: Path
) -> None:
    hits = random_hits(5, 300)
    store(by_address, tmp_path, hits[:100], part=1)
    store(by_address, tmp_path, hits, part=1)
    store(by_address, tmp_path, random_events(6, 300), Stream.EVENTS, part=2)
    assert_holds(by_address, hits)
    assert by_address.outcomes(11, "production").events
    assert by_address.prune((FIRST + DAY).date()) > 0


@pytest.mark.parametrize("scheme", ["postgresql", "clickhouse", "clickhouses"])
def test_a_server_that_is_not_there_is_an_error_without_the_password(scheme: str, tmp_path: Path) -> None:
    place = open_store(f"{scheme}://somebody:open-sesame@127.0.0.1:1/db", tmp_path)
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        place.count_users([11], None, None, None)
    assert "open-sesame" not in f"{caught.value}{caught.value!r}{place!r}"


def test_a_question_over_its_time_limit_is_stopped(place: Any, tmp_path: Path, settings: Settings) -> None:
    store(place, tmp_path, random_hits(4, 2_000))
    settings.WAREHOUSE_TIME_LIMIT = 0.0001
    with pytest.raises(StoreError, match=r"took longer than 0\.0001 seconds"):
        place.count_users(GROUPS, None, None, "hour")
    settings.WAREHOUSE_TIME_LIMIT = 60
    assert place.count_users(GROUPS, None, None, "hour")
    if isinstance(place, FileStore):
        assert not list(place.folder.glob("spill-*"))
