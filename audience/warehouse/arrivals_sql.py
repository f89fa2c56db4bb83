"""Users by the day on which they registered, as one plain aggregate query, the same for every engine that speaks SQL."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from audience.compiling import as_flag, is_always
from audience.specs import FilterType
from audience.warehouse.base import WarehouseError

REGISTRATION_COLUMN: Final = "registered_at"

Rows = Sequence[Sequence[Any]]


def require_registrations(types: Mapping[str, FilterType]) -> None:
    """Raises WarehouseError when nobody's registration is known: there is no such column, or it is no date."""
    if types.get(REGISTRATION_COLUMN) != "date":
        raise WarehouseError(
            f"the warehouse does not know when users registered: it has no date column {REGISTRATION_COLUMN}"
        )


def arrivals_by_day(
    condition: exp.Expr,
    users: exp.Table | exp.Subquery,
    now: dt.datetime,
    days: int,
    ask: Callable[[exp.Select], Rows],
) -> NDArray[np.int64]:
    """See `Warehouse.arrivals`. `condition` is compiled, `ask` runs a query on the table `users` and returns its rows."""
    today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    mornings = [_midnight(today - dt.timedelta(days=back)) for back in range(days, -1, -1)]
    # One sum per day: what comes back are numbers, and every dialect spells dates in its own way.
    sums = [
        exp.cast(exp.Sum(this=as_flag(_between(first, last))), exp.DType.BIGINT)
        for first, last in itertools.pairwise(mornings)
    ]
    query = exp.select(*sums).from_(users.copy()).where(_between(mornings[0], mornings[-1]))
    if not is_always(condition):
        query = query.where(condition)
    rows = ask(query)
    # Over no rows at all a sum is NULL.
    return np.array([0 if cell is None else int(cell) for cell in rows[0]], dtype=np.int64)


def _between(first: exp.Expr, last: exp.Expr) -> exp.Expr:
    column = exp.column(REGISTRATION_COLUMN, quoted=True)
    column.meta["kind"] = "date"
    return exp.and_(
        exp.GTE(this=column, expression=first.copy()), exp.LT(this=column.copy(), expression=last.copy())
    )


def _midnight(day: dt.datetime) -> exp.Expr:
    return exp.cast(exp.Literal.string(day.replace(tzinfo=None).isoformat(sep=" ")), exp.DType.TIMESTAMP)
