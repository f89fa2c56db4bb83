"""WAREHOUSE_URL: which engine answers, and what is said when none does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from audience.specs import FilterSpec
from audience.warehouse import (
    UserBatch,
    WarehouseError,
    WarehouseQueryFailed,
    WarehouseUnavailable,
    open_warehouse,
)
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from audience.warehouse.clickhouse_store import Address as ClickHouseAddress
from audience.warehouse.postgresql_engine import PostgreSQLWarehouse
from audience.warehouse.postgresql_store import Address
from tests.audience.catalogues import WIDER
from tests.audience.engines.conftest import Place, database_url
from tests.audience.engines.test_loads import NOBODYS, NOW

SECRET = "open-sesame"


@pytest.mark.parametrize(
    "url",
    ["", "mysql://host/db", "duckdb://relative/folder", "duckdb:", "duckdb://", "http://[bad", "oracle:thin"],
)
def test_an_address_of_no_engine_is_refused(url: str) -> None:
    with pytest.raises(WarehouseUnavailable, match="WAREHOUSE_URL"):
        open_warehouse(url)


@pytest.mark.parametrize("scheme", ["postgresql", "clickhouse"])
def test_a_port_that_is_no_number_is_named(scheme: str) -> None:
    with pytest.raises(WarehouseUnavailable, match="port"):
        open_warehouse(f"{scheme}://somebody:{SECRET}@localhost:port/db").version()


@pytest.mark.parametrize("scheme", ["postgresql", "clickhouse", "clickhouses"])
def test_a_server_that_is_not_there_is_an_error_without_the_password(scheme: str) -> None:
    warehouse = open_warehouse(f"{scheme}://somebody:{SECRET}@127.0.0.1:1/db")
    for ask in (warehouse.version, warehouse.user_count, lambda: warehouse.count_table([], [], NOW)):
        with pytest.raises(WarehouseUnavailable, match="cannot be reached") as caught:
            ask()
        shown = [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
        assert not any(SECRET in text for text in [*shown, repr(warehouse), repr(vars(warehouse))])


def test_addresses_are_taken_apart() -> None:
    address = Address.of(
        urlsplit(
            "postgresql://a%40b:p%2Fw@db.example:6432/user%20s?schema=crm&users=x.y&version=v&sslmode=require"
        )
    )
    assert address.options == {
        "host": "db.example", "port": "6432", "user": "a@b", "dbname": "user s", "sslmode": "require",
    }  # fmt: skip
    assert (address.password, address.schema, address.users, address.marker) == (
        "p/w",
        "crm",
        ("x", "y"),
        ("v",),
    )
    other = ClickHouseAddress.of(
        urlsplit("clickhouses://u:p%2Fw@ch.example/stats?users=all_users&ca_cert=/ca.pem")
    )
    assert (other.host, other.user, other.password, other.database) == ("ch.example", "u", "p/w", "stats")
    assert (other.secure, other.users, other.tls) == (True, "all_users", {"ca_cert": "/ca.pem"})
    assert "p/w" not in repr(address) + repr(other)


def test_clickhouse_may_be_silent_for_longer_than_a_question_may_take(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver's five minutes would cut off questions with a longer limit, and every long step of a load."""
    silences: list[float] = []

    def get_client(**options: Any) -> None:
        silences.append(options["send_receive_timeout"])

    monkeypatch.setattr("clickhouse_connect.get_client", get_client)
    settings.WAREHOUSE_TIME_LIMIT = 1000
    store = ClickHouseWarehouse.at(urlsplit("clickhouse://ch.example/stats")).store
    store.client()
    store.new_client()
    question, load = silences
    assert 1000 < question < 1100
    assert load >= 12 * 3600


def test_nothing_of_an_engine_is_imported_before_it_is_used() -> None:
    program = (
        "import django, sys; django.setup()\n"
        "from audience.warehouse import get_warehouse, open_warehouse\n"
        "get_warehouse()\n"
        "open_warehouse('clickhouse://localhost/db'); open_warehouse('postgresql://localhost/db')\n"
        "print([name for name in ('clickhouse_connect', 'chdb', 'pyspark', 'statsmodels') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "WAREHOUSE_URL": "duckdb:///nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("[]\n", 0), ran.stderr


def test_a_question_over_its_time_limit_is_stopped(place: Place, settings: Settings) -> None:
    """Conditions that take for ever: hundreds of patterns on many long texts."""
    long_text = "ab" * 250
    size = 60_000
    batch = UserBatch(
        lines=range(size),
        ids=[str(number) for number in range(size)],
        split_groups=[number % 2400 + 1 for number in range(size)],
        drawn=NOBODYS.repeat(size),
        values={"language": [f"{long_text}{number}" for number in range(size)]},
    )
    warehouse = place.open(WIDER)
    warehouse.merge_users([batch], {"language": "string"})
    others = [
        [{"filter": "language", "source": "user", "operator": "matches", "value": f"(a|b)b*{number}c$"}]
        for number in range(300)
    ]
    settings.WAREHOUSE_TIME_LIMIT = 0.05
    with pytest.raises(WarehouseQueryFailed, match=r"took longer than 0\.05 seconds"):
        warehouse.count_table([], others, NOW)
    settings.WAREHOUSE_TIME_LIMIT = 60
    assert warehouse.count_table([], [], NOW).users.sum() == size


def test_what_the_database_refuses_is_said_in_one_line() -> None:
    warehouse = PostgreSQLWarehouse(urlsplit(database_url(schema="no_such_place", users="no_such_table")))
    warehouse.catalogue = lambda: {"age": FilterSpec("age", "Age", "integer", column="age")}
    with pytest.raises(WarehouseError, match="no_such_table must be a table or a view") as caught:
        warehouse.count_table([], [], NOW)
    assert "\n" not in caught.value.detail
