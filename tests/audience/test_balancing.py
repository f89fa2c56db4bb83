"""Swaps make blocks more alike, by the measure that they are told."""

from __future__ import annotations

import numpy as np
import pytest

from audience.balancing import Numbers, Places, Rows, arcs_of_blocks, swap_towards_even


def offs_of(rows: Rows, blocks: Places, count: int) -> Numbers:
    """`count` times what each block has over an equal part of the whole."""
    sums = np.stack([rows.values[blocks == block].sum(axis=0) for block in range(count)])
    return np.asarray(count * sums - rows.values.sum(axis=0), dtype=np.float64)


def cost(rows: Rows, blocks: Places, form: Numbers) -> float:
    offs = offs_of(rows, blocks, len(form))
    return float((offs * (form @ offs) * rows.weights).sum())


@pytest.mark.parametrize("lengths", [(1, 1), (1, 3), (1, 4, 5), (2, 2, 2)])
def test_the_form_of_arcs_sums_over_every_turn_of_the_circle(lengths: tuple[int, ...]) -> None:
    blocks = sum(lengths)
    sums = np.random.default_rng(1).integers(-9, 10, blocks).astype(np.float64)
    turned = 0.0
    for turn in range(blocks):
        for length in lengths:
            turned += np.roll(sums, -turn)[:length].sum() ** 2
    assert sums @ arcs_of_blocks(lengths) @ sums == pytest.approx(turned)


@pytest.mark.parametrize("lengths", [(1, 1), (1, 4, 5)])
def test_every_swap_lessens_what_it_is_to_lessen(lengths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    count, form = sum(lengths), arcs_of_blocks(lengths)
    values = (rng.random((count * 30, 12)) < 0.3).astype(np.float64)
    rows = Rows.weighted(values, rng.integers(1, 65, 12).astype(np.float64))
    blocks = np.repeat(np.arange(count), 30)
    costs = [cost(rows, blocks, form)]
    while swap_towards_even(rows, blocks, offs_of(rows, blocks, count), count, form, 1, rng):
        costs.append(cost(rows, blocks, form))
    assert len(costs) > 3
    assert costs == sorted(costs, reverse=True)
    # Many looks at once keep account of what they change.
    swap_towards_even(rows, blocks, offs_of(rows, blocks, count), count, form, 10_000, rng)
    assert cost(rows, blocks, form) < costs[0] / 20
    assert not swap_towards_even(rows, blocks, offs_of(rows, blocks, count), count, form, 1000, rng)
    assert np.bincount(blocks).tolist() == [30] * count


def test_the_table_of_products_is_exact_in_half_the_size() -> None:
    rng = np.random.default_rng(3)
    values = (rng.random((50, 400)) < 0.9).astype(np.float64)
    weights = rng.integers(1, 1025, 400).astype(np.float64)
    assert (Rows.weighted(values, weights).gram == (values * weights) @ values.T).all()
