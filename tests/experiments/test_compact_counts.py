"""Tables of counts as bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.compact_counts import pack_counts, unpack_counts


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 12), st.sampled_from([1, 255, 256, 65_535, 65_536, 2**31, 2**33]), st.integers(0, 2**32)
)
def test_what_is_packed_comes_back(rows: int, largest: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, largest + 1, (rows, 2400))
    if rows:
        table[0, 0] = largest
    back = unpack_counts(pack_counts(table))
    assert back.shape == (rows, 2400)
    assert np.array_equal(back, table)


@pytest.mark.parametrize(("largest", "width"), [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4)])
def test_numbers_take_no_more_bytes_than_they_need(largest: int, width: int) -> None:
    table = np.zeros((2, 2400), dtype=np.int64)
    table[1, 7] = largest
    assert unpack_counts(pack_counts(table)).dtype.itemsize == width


def test_tests_of_the_same_audience_share_their_row() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1, 2400))
    assert len(pack_counts(np.repeat(noise, 1_000, axis=0))) < len(pack_counts(noise)) + 500


@pytest.mark.parametrize("table", [np.zeros((1, 2399), dtype=np.int64), np.zeros(2400, dtype=np.int64)])
def test_other_shapes_are_refused(table: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
    with pytest.raises(ValueError, match="2400 columns"):
        pack_counts(table)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        pack_counts(np.full((1, 2400), -1))
