"""Counting by scanning the users: right for any condition and any state of the folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from audience.compiling import as_flag, is_always
from audience.specs import SPLIT_GROUPS
from audience.warehouse.time_limits import TimeLimit

OTHERS_PER_QUERY: Final = 100


class ScannedCounts:
    """Users per split group, who match and who match others too, in as few scans as the width of a query allows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, where: exp.Expr, limit: TimeLimit) -> None:
        self.connection = connection
        self.where = where
        self.limit = limit

    def of(self, others: Sequence[exp.Expr]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """int64[2400] and int64[others, 2400]."""
        users = np.zeros(SPLIT_GROUPS, dtype=np.int64)
        shared = np.zeros((len(others), SPLIT_GROUPS), dtype=np.int64)
        for start in range(0, max(len(others), 1), OTHERS_PER_QUERY):
            chunk = others[start : start + OTHERS_PER_QUERY]
            table = self._query(chunk)
            groups = table["split_group"].astype(np.int64) - 1
            users[groups] = table["users"]
            for offset in range(len(chunk)):
                shared[start + offset, groups] = table[f"b{offset}"]
        return users, shared

    def _query(self, others: Sequence[exp.Expr]) -> dict[str, NDArray[Any]]:
        names = ["users", *(f"b{offset}" for offset in range(len(others)))]
        sums = [_sum(exp.Literal.number(1)), *(_sum(as_flag(other)) for other in others)]
        query = (
            exp.select(
                exp.column("split_group"),
                *(exp.alias_(total, name) for total, name in zip(sums, names, strict=True)),
            )
            .from_(exp.table_("users", db="store"))
            .where(self.where)
            .group_by(exp.column("split_group"))
        )
        with self.limit.stopping(self.connection.interrupt):
            table: dict[str, NDArray[Any]] = self.connection.execute(query.sql(dialect="duckdb")).fetchnumpy()
        return table


def only_in(condition: exp.Expr, split_groups: Collection[int] | None) -> exp.Expr:
    """The condition, of users of these split groups only."""
    if split_groups is None:
        return condition
    members = exp.In(
        this=exp.column("split_group"),
        expressions=[exp.Literal.number(int(group)) for group in sorted(set(split_groups))],
    )
    inside: exp.Expr = members if split_groups else exp.false()
    return inside if is_always(condition) else exp.and_(inside, condition)


def _sum(value: exp.Expr) -> exp.Expr:
    # DuckDB sums integers into 128 bits, which numpy only knows as floating point.
    return exp.cast(exp.Sum(this=value), exp.DType.BIGINT)
