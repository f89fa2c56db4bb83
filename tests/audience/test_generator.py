"""Users that do not exist, but could."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from audience.generator import NEW_USER_DAYS, generate_users, write_users
from audience.loading import load_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import DEFAULT

TODAY = dt.date(2026, 11, 1)


def test_the_same_seed_gives_the_same_users(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_users(tmp_path / f"{name}.parquet", count=5_000, seed=3, today=TODAY)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_the_users_are_plausible() -> None:
    users = generate_users(100_000, seed=1, today=TODAY)
    assert 0.005 < users["is_test_user"].mean() < 0.015
    assert 0.07 < users["is_paying"].mean() < 0.09
    assert 0.02 < users["is_new_user"].mean() < 0.2
    assert users["registered_at"].max() <= np.datetime64(TODAY)
    recent = users["registered_at"] > np.datetime64(TODAY) - np.timedelta64(NEW_USER_DAYS, "D")
    assert (users["is_new_user"] | ~recent).all()
    assert users["age"].min() >= 14
    per_group = np.bincount(users["split_group"], minlength=2401)
    assert per_group[0] == 0
    assert len(per_group) == 2401
    assert per_group[1:].min() > 10


def test_every_generated_user_loads(tmp_path: Path) -> None:
    write_users(tmp_path / "users.parquet", count=20_000)
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT)
    report = load_users(tmp_path / "users.parquet", warehouse=warehouse, catalogue=DEFAULT)
    assert (report.added, report.rejected, report.ignored) == (20_000, 0, ("platform",))
    assert warehouse.columns() == {spec.column for spec in DEFAULT.values() if spec.column}
