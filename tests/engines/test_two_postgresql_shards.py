"""Two PostgreSQL servers under a coordinator, users partitioned by split group: each shard sums up its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql as psql

from audience.specs import SPLIT_GROUPS
from audience.warehouse.postgresql_engine import PostgreSQLWarehouse
from tests.audience.random_conditions import CATALOGUE, NOW
from tests.engines.conftest import Population
from tests.engines.servers import as_nobody, engines_home, running, short_folder

HALF: Final = SPLIT_GROUPS // 2
TEXT: Final = 'text COLLATE "C"'
SQL_TYPES: Final = {
    "boolean": "boolean", "integer": "bigint", "number": "double precision", "string": TEXT, "date": "timestamp", "version": TEXT,
    "list": "text[]",
}  # fmt: skip


def binaries() -> Path:
    """Debian's PostgreSQL, which has postgres_fdw; ours comes without extensions."""
    places = [Path("/usr/lib/postgresql"), engines_home() / "postgresql" / "usr/lib/postgresql"]
    found = [path for place in places for path in place.glob("*/lib/postgres_fdw.so")]
    assert found, "run `make test-engines`, which fetches what is missing"
    return max(found).parent.parent / "bin"


def columns() -> dict[str, str]:
    found = {"id": TEXT, "split_group": "integer"}
    for name, spec in CATALOGUE.items():
        found[name] = SQL_TYPES[spec.type]
        if spec.type == "version":
            found[f"{name}__key"] = TEXT
    return found


class Server:
    """One PostgreSQL on a unix socket."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "sockets").mkdir()
        before = as_nobody(folder)
        environment = {"LC_ALL": "C", "TZ": "UTC"}
        initdb = [str(binaries() / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "usersplit"]
        subprocess.run(
            [*before, *initdb, "-E", "UTF8", "--no-locale", "--no-sync"],
            env={**os.environ, **environment}, cwd=folder, capture_output=True, check=True,
        )  # fmt: skip
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder / "sockets"),
            "fsync": "off",
            "timezone": "UTC",
            "enable_partitionwise_aggregate": "on",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [*before, str(binaries() / "postgres"), "-D", str(folder / "data"), *arguments]
        stack.enter_context(running(command, folder / "log", self.answers, environment))

    @property
    def url(self) -> str:
        return f"postgresql://usersplit@/postgres?host={quote(str(self.folder / 'sockets'), safe='')}"

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url):
                return True
        except psycopg.OperationalError:
            return False

    def run(self, statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements.split(";"):
                if statement.strip():
                    connection.execute(statement.encode())


@pytest.fixture(scope="module")
def coordinator(population: Population) -> Iterator[Server]:
    described = ", ".join(f'"{name}" {sql_type}' for name, sql_type in columns().items())
    with short_folder() as folder, ExitStack() as stack:
        shards = [Server(folder / f"shard{number}", stack) for number in (1, 2)]
        server = Server(folder / "coordinator", stack)
        server.run(
            f"CREATE EXTENSION postgres_fdw; CREATE TABLE people ({described}) PARTITION BY RANGE (split_group)"
        )
        for number, shard in enumerate(shards, start=1):
            shard.run(f"CREATE TABLE people ({described})")
            load(shard, population, number)
            bounds = f"FROM ({1 + (number - 1) * HALF}) TO ({1 + number * HALF})"
            server.run(
                f"CREATE SERVER shard{number} FOREIGN DATA WRAPPER postgres_fdw"
                f" OPTIONS (host '{shard.folder / 'sockets'}', dbname 'postgres', fetch_size '10000');"
                f"CREATE USER MAPPING FOR usersplit SERVER shard{number} OPTIONS (user 'usersplit');"
                f"CREATE FOREIGN TABLE people{number} PARTITION OF people FOR VALUES {bounds}"
                f" SERVER shard{number} OPTIONS (table_name 'people')"
            )
        yield server


def load(shard: Server, population: Population, number: int) -> None:
    values = population.columns()
    names = [name for name in columns() if name not in ("id", "split_group")]
    rows = zip(population.ids, population.split_groups, *(values[name] for name in names), strict=True)
    copy = psql.SQL("COPY people ({}) FROM STDIN").format(
        psql.SQL(", ").join(map(psql.Identifier, columns()))
    )
    with psycopg.connect(shard.url) as connection, connection.cursor() as cursor, cursor.copy(copy) as pipe:
        for row in rows:
            if (row[1] - 1) // HALF + 1 == number:
                pipe.write_row(row)


@pytest.fixture
def warehouse(coordinator: Server) -> PostgreSQLWarehouse:
    return PostgreSQLWarehouse(urlsplit(f"{coordinator.url}&users=people"), lambda: CATALOGUE)


def test_two_shards_count_what_the_embedded_engine_counts(
    warehouse: PostgreSQLWarehouse, population: Population
) -> None:
    population.answers_alike(warehouse, population.trees(2))


def test_each_shard_sums_up_its_own_users(
    warehouse: PostgreSQLWarehouse, population: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes back from a shard is a row per split group: the plan has the aggregate inside of each foreign scan."""
    plans: list[str] = []
    with warehouse.reading(warehouse.catalogue) as reading:
        ask = type(reading).rows

        def explained(self: Any, sql: str, limit: Any) -> Any:
            plan = self.connection.execute(f"EXPLAIN (VERBOSE) {sql}".encode()).fetchall()
            plans.append("\n".join(line for (line,) in plan))
            return ask(self, sql, limit)

        monkeypatch.setattr(type(reading), "rows", explained)
    everything = [
        [{"filter": name, "source": "user", "operator": operator, "value": value}]
        for name, operator, value in (
            ("string_one", "matches", "^a"), ("string_one", "not_in", ["a"]), ("version_one", "version_gt", "1.9"),
            ("date_one", "eq", "2026-01-31"), ("list_one", "has", "a"), ("integer_one", "between", [1, 50]),
        )
    ]  # fmt: skip
    warehouse.count_table([], everything, NOW)
    (plan,) = plans
    assert plan.count("Foreign Scan") == 2
    assert plan.count("Relations: Aggregate on (public.people") == 2
    assert plan.count("GROUP BY 1") == 2


def test_users_are_walked_over_both_shards_in_order(
    warehouse: PostgreSQLWarehouse, population: Population
) -> None:
    ours = population.embedded.iterate_users([], NOW, [1, 2, HALF, HALF + 1, SPLIT_GROUPS])
    theirs = warehouse.iterate_users([], NOW, [1, 2, HALF, HALF + 1, SPLIT_GROUPS])
    assert list(theirs) == list(ours)


def test_the_users_of_both_are_counted(warehouse: PostgreSQLWarehouse, population: Population) -> None:
    assert warehouse.user_count() == len(population.ids) == warehouse.count_table([], [], NOW).users.sum()
