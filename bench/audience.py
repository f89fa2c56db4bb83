"""Counting the audience of a test, and what it shares with others, against one bare scan of the same users."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from audience.catalogue import FilterSpec, filter_spec
from audience.conditions import parse_conditions
from audience.default_filters import default_filters
from audience.generator import write_users
from audience.loading import load_users
from audience.models import Filter
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from bench.measuring import interleaved, table
from core import clock

USERS = 1_000_000
OTHERS = 40


def run() -> str:
    """The table, as text."""
    specs: Mapping[str, FilterSpec] = {row["name"]: filter_spec(Filter(**row)) for row in default_filters()}
    with tempfile.TemporaryDirectory() as folder:
        users = Path(folder) / "users.parquet"
        write_users(users, count=USERS)
        warehouse = DuckDBWarehouse(Path(folder) / "warehouse", catalogue=lambda: specs)
        load_users(users, split_group_column="split_group", warehouse=warehouse, catalogue=specs)
        mine = parse_conditions([{"filter": "age", "operator": "gte", "value": 18}], specs)
        countries = [
            choice["value"]
            for row in default_filters()
            if row["name"] == "country_id"
            for choice in row["choices"]
        ]
        others = [
            parse_conditions(
                [{"filter": "country_id", "operator": "in", "value": countries[index : index + 60]}], specs
            )
            for index in range(OTHERS)
        ]
        with warehouse.store.reading() as (_, connection):
            assert connection is not None
            scan = "SELECT split_group, count(*) FROM store.users GROUP BY 1"
            rows = interleaved(
                {
                    "F: one bare scan": lambda: connection.execute(scan).fetchall(),
                    "the audience alone": lambda: warehouse.count_table(mine, [], clock.now()),
                    f"with {OTHERS} other tests": lambda: warehouse.count_table(mine, others, clock.now()),
                },
                rounds=5,
            )
    title = f"Counting {USERS:,} users (DuckDB {duckdb.__version__})"
    return table(title, rows, "F: one bare scan", unit="ms", scale=1e3)
