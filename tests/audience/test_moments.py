"""Sums of measures per split group, against the same sums done user by user."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audience.loading import load_users
from audience.warehouse import WarehouseError, get_warehouse
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import WIDER

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def test_moments_are_those_of_the_users(warehouse: Any) -> None:
    found = get_warehouse().moments_by_split_group(["age", "is_paying"])
    by_hand: dict[str, list[list[float]]] = {name: [[] for _ in range(2400)] for name in found}
    for user in warehouse.iterate_users([], NOW):
        for name, groups in by_hand.items():
            if name in user.attributes:
                groups[user.split_group - 1].append(float(user.attributes[name]))
    for name, moments in found.items():
        distances = [np.array(group) - moments.center for group in by_hand[name]]
        assert moments.count.tolist() == [len(group) for group in distances]
        np.testing.assert_allclose(moments.total, [group.sum() for group in distances], atol=1e-6)
        np.testing.assert_allclose(moments.squares, [(group**2).sum() for group in distances], rtol=1e-9)
        assert moments.fourth == pytest.approx(sum((group**4).sum() for group in distances))
    assert found["age"].count.sum() < warehouse.user_count() == found["is_paying"].count.sum()


def test_large_numbers_keep_the_digits_of_their_differences(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: WIDER)
    path = tmp_path / "users.csv"
    path.write_text(
        "id,split_group,age,score\na,1,1000000000000,1e300\nb,1,1000000000002,\nc,2,1000000000001,-1e300\n"
    )
    load_users(path, warehouse=warehouse, catalogue=WIDER)
    moments = warehouse.moments_by_split_group(["age", "score"])
    age = moments["age"]
    assert age.count[:2].tolist() == [2, 1]
    assert (age.total[:2] + age.count[:2] * age.center).tolist() == [2_000_000_000_002, 1_000_000_000_001]
    assert age.squares.sum() == 2
    assert moments["score"].count[:2].tolist() == [1, 1]
    assert np.isfinite(moments["score"].squares).all()


def test_an_empty_warehouse_has_empty_moments(tmp_path: Path) -> None:
    moments = DuckDBWarehouse(tmp_path / "store", lambda: WIDER).moments_by_split_group(["age"])["age"]
    assert moments.count.sum() == 0
    assert moments.count.shape == moments.squares.shape == (2400,)


@pytest.mark.parametrize("columns", [["language"], ["age", "no_such_column"], ["registered_at"]])
def test_what_is_no_measure_is_refused_by_name(columns: list[str], tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=columns[-1]):
        DuckDBWarehouse(tmp_path / "store", lambda: WIDER).moments_by_split_group(columns)
