"""Moments per split group as two plain aggregate queries, the same for every engine that speaks SQL."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from audience.moments import Moments
from audience.specs import SPLIT_GROUPS, FilterType
from audience.warehouse.base import WarehouseQueryFailed

MEASURES: Final[frozenset[FilterType]] = frozenset({"boolean", "integer", "number"})
"""The types whose values can be summed."""

Rows = Sequence[Sequence[Any]]
# Fourth powers of larger distances would leave the range of a float.
_FARTHEST: Final = 1e70


NO_MOMENTS: Final = Moments(
    np.zeros(SPLIT_GROUPS, dtype=np.int64), np.zeros(SPLIT_GROUPS), np.zeros(SPLIT_GROUPS)
)


def measures_among(types: Mapping[str, FilterType], columns: Collection[str]) -> dict[str, FilterType]:
    """The columns asked for with their types. Raises WarehouseQueryFailed, naming those that are not there or no measures."""
    unfit = sorted(name for name in set(columns) if types.get(name) not in MEASURES)
    if unfit:
        raise WarehouseQueryFailed(
            f"moments are of columns with numbers or yes and no; these are not: {', '.join(unfit)}"
        )
    return {name: types[name] for name in dict.fromkeys(columns)}


def moments_by_split_group(
    columns: Mapping[str, FilterType], users: exp.Table | exp.Subquery, ask: Callable[[exp.Select], Rows]
) -> dict[str, Moments]:
    """`columns` as `measures_among` returns them; `users` is the table that has them beside `split_group`.

    `ask` runs a query and returns its rows. Two scans: the means first, then the sums about them.
    """
    if not columns:
        return {}
    values = {name: _value(name, kind) for name, kind in columns.items()}
    means = ask(exp.select(*(exp.Avg(this=value) for value in values.values())).from_(users.copy()))
    centers = {name: _center(mean) for name, mean in zip(values, means[0], strict=True)}
    sums = [part for name, value in values.items() for part in _sums(value, centers[name])]
    group = exp.column("split_group")
    rows = ask(exp.select(group, *sums).from_(users.copy()).group_by(group.copy()))
    table = np.zeros((len(sums), SPLIT_GROUPS))
    for row in rows:
        # A split group without a single value sums up to NULL.
        table[:, int(row[0]) - 1] = [0.0 if cell is None else float(cell) for cell in row[1:]]
    return {
        name: _moments(table[index * 4 : index * 4 + 4], centers[name]) for index, name in enumerate(columns)
    }


def _value(name: str, kind: FilterType) -> exp.Expr:
    column = exp.column(name, quoted=True)
    if kind != "boolean":
        return exp.cast(column, exp.DType.DOUBLE)
    # NULL stays NULL: who has no value is not counted as false.
    is_true = exp.If(this=column, true=_number(1))
    is_false = exp.If(this=exp.Not(this=column.copy()), true=_number(0))
    return exp.cast(exp.Case(ifs=[is_true, is_false]), exp.DType.DOUBLE)


def _sums(value: exp.Expr, center: float) -> list[exp.Expr]:
    distance: exp.Expr = exp.Paren(this=exp.Sub(this=value, expression=_number(center)))
    # Not LEAST and GREATEST: in some dialects they skip NULL, and who has no value would lie farthest away.
    bounded = exp.Case(
        ifs=[
            exp.If(this=exp.GT(this=distance, expression=_number(_FARTHEST)), true=_number(_FARTHEST)),
            exp.If(
                this=exp.LT(this=distance.copy(), expression=_number(-_FARTHEST)), true=_number(-_FARTHEST)
            ),
        ],
        default=distance.copy(),
    )
    square = exp.Mul(this=bounded.copy(), expression=bounded.copy())
    fourth = exp.Mul(this=exp.Paren(this=square.copy()), expression=exp.Paren(this=square.copy()))
    return [exp.Count(this=value.copy()), *(exp.Sum(this=power) for power in (bounded, square, fourth))]


def _number(value: float) -> exp.Expr:
    # As text, so that every dialect reads the same double back.
    return exp.cast(exp.Literal.string(repr(float(value))), exp.DType.DOUBLE)


def _center(mean: object) -> float:
    center = float(str(mean)) if mean is not None else 0.0
    return center if math.isfinite(center) else 0.0


def _moments(rows: NDArray[np.float64], center: float) -> Moments:
    return Moments(rows[0].astype(np.int64), rows[1], rows[2], center, float(rows[3].sum()))
