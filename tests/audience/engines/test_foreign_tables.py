"""Users that live elsewhere already: a table or a view of somebody else's is read as it is, and never written."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect
import psycopg
import pytest
from django.conf import settings
from sqlglot import exp

from audience.dialects import render
from audience.specs import FilterSpec
from audience.warehouse import Warehouse, WarehouseQueryFailed
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from audience.warehouse.clickhouse_store import ClickHouseStore
from audience.warehouse.postgresql_engine import PostgreSQLWarehouse
from tests.audience.catalogues import WIDER
from tests.audience.engines.conftest import chdb_client, database_url
from tests.audience.engines.test_loads import NOW
from usersplit_sdk.values import version_key

CATALOGUE = {**WIDER, "height": FilterSpec("height", "Height", "number", column="height")}
POSTGRESQL = """
CREATE SCHEMA {schema};
CREATE TABLE {schema}.people (
    id bigint, split_group int, age smallint, language character(5), score real, height numeric,
    registered_at timestamptz, app_version text, app_version__key text, tags varchar[], gender int, is_paying boolean
);
INSERT INTO {schema}.people VALUES
    (1, 1, 17, 'DE', 'NaN', 1.5, '2026-01-31 02:00+02', '1.9', '{key}', '{{a,b}}', 1, true),
    (2, 2400, 18, 'de', 'Infinity', 'NaN', 'infinity', NULL, NULL, NULL, 2, NULL);
CREATE TABLE {schema}.load (number int);
INSERT INTO {schema}.load VALUES (7);
"""
CLICKHOUSE = """
CREATE TABLE {schema}.people (
    id UInt64, split_group Int32, age Nullable(UInt8), language LowCardinality(Nullable(String)), score Nullable(Float32), height Nullable(UInt64),
    registered_at DateTime64(3, 'Europe/Berlin'), app_version Nullable(String), app_version__key Nullable(String),
    tags Array(String), gender Int8, is_paying Nullable(UInt8)
) ENGINE = MergeTree ORDER BY id;
INSERT INTO {schema}.people VALUES
    (1, 1, 17, 'DE', nan, 1, '2026-01-31 01:00:00', '1.9', '{key}', ['a', 'b'], 1, 1),
    (2, 2400, 18, 'de', inf, NULL, '2100-01-31 01:00:00', NULL, NULL, [], 2, NULL);
CREATE TABLE {schema}.load (number Int32) ENGINE = MergeTree ORDER BY number;
INSERT INTO {schema}.load VALUES (7);
"""
KEY = "".join(f"{part:09d}" for part in (1, 9, 0, 0, 0, 0))
Run = Callable[[str], object]


@pytest.fixture(params=["postgresql", "clickhouse"])
def theirs(request: pytest.FixtureRequest) -> Iterator[tuple[Warehouse, Run]]:
    schema = f"crm_{secrets.token_hex(6)}"
    if request.param == "postgresql":
        url = database_url(users=f"{schema}.people", version=f"{schema}.load")
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            run: Run = lambda sql: connection.execute(sql.format(schema=schema, key=KEY))  # noqa: E731
            run(POSTGRESQL)
            yield PostgreSQLWarehouse(urlsplit(url), lambda: CATALOGUE), run
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
        return
    folder: Path = request.getfixturevalue("chdb_folder")
    with clickhouse_connect.get_client(interface="chdb", path=str(folder)) as client:
        client.command(f"CREATE DATABASE {schema}")
        run = lambda sql: [  # noqa: E731
            client.command(part.format(schema=schema, key=KEY)) for part in sql.split(";") if part.strip()
        ]
        run(CLICKHOUSE)
        store = ClickHouseStore(lambda: chdb_client(folder, schema), users="people", marker="load")
        yield ClickHouseWarehouse(store, lambda: CATALOGUE), run
        store.client().close()
        client.command(f"DROP DATABASE {schema}")


def asked(warehouse: Warehouse, name: str, operator: str, value: object) -> list[int]:
    tree = [{"filter": name, "source": "user", "operator": operator, "value": value}]
    table = warehouse.count_table(tree, [], NOW)
    assert table.not_counted == ()
    return [index + 1 for index, users in enumerate(table.users) if users]


def test_somebody_elses_columns_mean_what_ours_do(theirs: tuple[Warehouse, Run]) -> None:
    warehouse, _ = theirs
    assert warehouse.user_count() == 2
    assert asked(warehouse, "language", "eq", "de") == [2400]
    assert asked(warehouse, "language", "matches", "^D") == [1]
    assert asked(warehouse, "age", "gte", 18) == [2400]
    assert asked(warehouse, "score", "neq", 5) == [], "NaN and infinity are no numbers"
    assert asked(warehouse, "height", "gte", 1) == [1]
    assert asked(warehouse, "registered_at", "eq", "2026-01-31") == [1]
    assert asked(warehouse, "registered_at", "eq", "2026-01-31T00:00:00Z") == [1]
    assert asked(warehouse, "app_version", "version_lt", "1.10") == [1]
    assert asked(warehouse, "tags", "has", "a") == [1]
    assert asked(warehouse, "is_paying", "eq", True) == [1]


def test_a_column_of_another_type_is_not_counted(theirs: tuple[Warehouse, Run]) -> None:
    warehouse, _ = theirs
    tree = [{"filter": "gender", "source": "user", "operator": "eq", "value": "f"}]
    assert warehouse.count_table(tree, [], NOW).not_counted == ("gender",)


def test_somebody_elses_users_are_walked(theirs: tuple[Warehouse, Run]) -> None:
    warehouse, _ = theirs
    first = next(iter(warehouse.iterate_users([], NOW)))
    assert (first.id, first.split_group) == ("1", 1)
    assert first.attributes["registered_at"] == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert (first.attributes["tags"], first.attributes["is_paying"]) == (["a", "b"], True)
    assert [user.id for user in warehouse.iterate_users([], NOW, after=(1, "1"))] == ["2"]
    found = warehouse.user("2")
    assert found is not None
    assert "score" not in found.attributes


def test_the_key_of_a_version_can_be_made_by_a_view() -> None:
    """As docs/engines.md says it."""
    docs = (settings.BASE_DIR / "docs" / "engines.md").read_text()
    expression = docs.partition("```sql")[2].partition("```")[0].replace("app_version__key", "key")
    versions = [
        "1.9",
        "1.10",
        "0",
        "1.2.3.4.5.6",
        "999999999.999999999",
        "1.09",
        "1.0-beta",
        "",
        "1..2",
        "1.2.3.4.5.6.7",
        None,
    ]
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        found = connection.execute(
            f"SELECT app_version, {expression} FROM unnest(%s::text[]) AS app_version", [versions]
        ).fetchall()
    assert found == [(text, version_key(text)) for text in versions]


def test_the_version_is_what_their_marker_says(theirs: tuple[Warehouse, Run]) -> None:
    warehouse, run = theirs
    assert warehouse.version() == "theirs:7"
    run("DROP TABLE {schema}.load")
    run(
        "CREATE TABLE {schema}.load (number Int32) ENGINE = MergeTree ORDER BY number"
        if isinstance(warehouse, ClickHouseWarehouse)
        else "CREATE TABLE {schema}.load (number int)"
    )
    run("INSERT INTO {schema}.load VALUES (8)")
    assert warehouse.version() == "theirs:8"


def test_nothing_is_loaded_into_somebody_elses_table(theirs: tuple[Warehouse, Run]) -> None:
    warehouse, _ = theirs
    with pytest.raises(WarehouseQueryFailed, match="only read"):
        warehouse.merge_users([], {})


def in_group(run: Run, warehouse: Warehouse, kind: str, groups: Sequence[str]) -> None:
    """Their table anew, with its users' split groups in a column of another type: user 0 has the first, and so on."""
    numbered = " UNION ALL ".join(
        f"SELECT {user} AS id, CAST({group} AS {kind}) AS split_group" for user, group in enumerate(groups)
    )
    run("DROP TABLE {schema}.people")
    how = "ENGINE = MergeTree ORDER BY id AS" if isinstance(warehouse, ClickHouseWarehouse) else "AS"
    run(f"CREATE TABLE {{schema}}.people {how} {numbered}")


@pytest.mark.parametrize(
    ("postgresql", "clickhouse", "groups"),
    [
        ("smallint", "Nullable(Int16)", ["5", "0", "NULL", "2401", "-1", "2400"]),
        ("bigint", "Nullable(UInt32)", ["5", "0", "NULL", "65541", "4294967295", "2400"]),
        ("numeric", "Nullable(Float64)", ["5", "1.5", "NULL", "65541", "'NaN'", "2400"]),
        ("numeric(12, 2)", "Nullable(Decimal(12, 2))", ["5", "1.5", "NULL", "65541", "0.5", "2400"]),
        ("real", "Nullable(Float32)", ["5", "'Infinity'", "NULL", "65541", "2400.5", "2400"]),
        ("text", "Nullable(String)", ["'5'", "'five'", "NULL", "'65541'", "''", "'2400'"]),
    ],
)
def test_users_of_no_split_group_are_nobody(
    theirs: tuple[Warehouse, Run], postgresql: str, clickhouse: str, groups: list[str]
) -> None:
    warehouse, run = theirs
    in_group(run, warehouse, clickhouse if isinstance(warehouse, ClickHouseWarehouse) else postgresql, groups)
    table = warehouse.count_table([], [[]], NOW)
    assert {int(index) + 1: int(table.users[index]) for index in table.users.nonzero()[0]} == {5: 1, 2400: 1}
    assert (table.shared[0] == table.users).all()
    walked = [(user.id, user.split_group) for user in warehouse.iterate_users([], NOW)]
    assert walked == [("0", 5), ("5", 2400)]
    assert all(type(group) is int for _, group in walked)
    assert [user.id for user in warehouse.iterate_users([], NOW, split_groups=[2400])] == ["5"]
    assert warehouse.user_count() == 2
    assert [warehouse.user(str(user)) is None for user in range(6)] == [False, True, True, True, True, False]


def test_split_groups_are_read_from_the_partitions_they_lie_in() -> None:
    """The key of the partitions is compared as it is."""
    schema = f"crm_{secrets.token_hex(6)}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(
            f"CREATE TABLE {schema}.people (id int, split_group int) PARTITION BY RANGE (split_group)"
        )
        for name, start, end in (("nobody", -10, 1), ("low", 1, 1201), ("high", 1201, 2401)):
            connection.execute(
                f"CREATE TABLE {schema}.{name} PARTITION OF {schema}.people FOR VALUES FROM ({start}) TO ({end})"
            )
        address = urlsplit(database_url(users=f"{schema}.people"))
        store = PostgreSQLWarehouse(address, lambda: CATALOGUE).store
        with store.connection(reading=True) as reading:
            source = store.table(reading, lambda: CATALOGUE).source
            assert source is not None
            query = exp.select("*").from_(source).where(exp.column("split_group").between(1300, 1400))
            plan = str(reading.execute(f"EXPLAIN {render(query, 'postgres')}".encode()).fetchall())
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
    assert "high" in plan
    assert "low" not in plan
    assert "nobody" not in plan
