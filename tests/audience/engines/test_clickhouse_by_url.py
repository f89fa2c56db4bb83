"""ClickHouse by its address, through the driver's HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import clickhouse_connect
import numpy as np
import pytest
from pytest_django import Settings

from audience.warehouse import UserBatch, WarehouseQueryFailed, WarehouseUnavailable
from audience.warehouse.clickhouse_engine import ClickHouseWarehouse
from tests.audience.engines.clickhouse_over_http import PASSWORD, USER, serving
from tests.audience.engines.test_loads import NOW
from tests.audience.parity import compare
from tests.audience.random_conditions import CATALOGUE


@pytest.fixture
def address(chdb_folder: Path) -> Iterator[str]:
    database = f"http_{secrets.token_hex(6)}"
    with clickhouse_connect.get_client(interface="chdb", path=str(chdb_folder)) as keeper:
        keeper.command(f"CREATE DATABASE {database}")
        with serving(chdb_folder) as port:
            yield f"clickhouse://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/{database}"
        keeper.command(f"DROP DATABASE {database}")


def test_a_server_is_loaded_walked_and_counted_by_its_address(address: str) -> None:
    warehouse = ClickHouseWarehouse.at(urlsplit(address), lambda: CATALOGUE)
    result = compare(60, 40, 5, {"clickhouse": warehouse})
    assert result.disagreements == {"clickhouse": []}
    assert result.apart > 30
    warehouse.store.client().close()


def test_a_wrong_password_is_an_error_that_does_not_hold_it(address: str) -> None:
    wrong = address.replace(quote(PASSWORD, safe=""), "open-sesame")
    with pytest.raises(WarehouseUnavailable, match="cannot be reached") as caught:
        ClickHouseWarehouse.at(urlsplit(wrong), lambda: CATALOGUE).version()
    assert "open-sesame" not in str(caught.value)


def test_the_server_stops_what_takes_too_long(address: str, settings: Settings) -> None:
    size = 40_000
    batch = UserBatch(
        range(size),
        [str(number) for number in range(size)],
        [number % 2400 + 1 for number in range(size)],
        np.zeros(size, dtype=np.int16),
        {"string_one": ["ab" * 250 + str(number) for number in range(size)]},
    )
    warehouse = ClickHouseWarehouse.at(urlsplit(address), lambda: CATALOGUE)
    warehouse.merge_users([batch], {"string_one": "string"})
    others = [
        [{"filter": "string_one", "source": "user", "operator": "matches", "value": f"(a|b)b*{number}c$"}]
        for number in range(100)
    ]
    settings.WAREHOUSE_TIME_LIMIT = 0.01
    with pytest.raises(WarehouseQueryFailed, match=r"took longer than 0\.01 seconds"):
        warehouse.count_table([], others, NOW)
    warehouse.store.client().close()
