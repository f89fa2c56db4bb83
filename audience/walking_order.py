"""The order in which users are walked, (split group, id), as SQL: which split groups, and where a walk goes on.

Split groups are asked for as ranges: a sorted table skips what lies outside of a range, and not what a long IN list leaves
out. A walk is many queries, each over a few split groups and each sorted, so that no more than those is ever held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from sqlglot import exp

from audience.specs import SPLIT_GROUPS

RANGES_PER_STEP: Final = 16
"""Each range is compared with every row between the first and the last of them, so a query has few."""
USERS_PER_STEP: Final = 20_000
"""About how many users a query may have to sort, if all of them match."""

Position = tuple[int, str]
"""Split group and id of a user: where a walk stands."""
Range = tuple[int, int]
"""First and last split group, both included."""


def ranges_of(split_groups: Collection[int] | None) -> list[Range]:
    """Ascending, disjoint, as few as can be; None is all of them."""
    if split_groups is None:
        return [(1, SPLIT_GROUPS)]
    ranges: list[Range] = []
    for group in sorted(set(split_groups)):
        if ranges and ranges[-1][1] == group - 1:
            ranges[-1] = (ranges[-1][0], group)
        else:
            ranges.append((group, group))
    return ranges


def ranges_left(ranges: list[Range], after: Position | None) -> list[Range]:
    """What of `ranges` is still to be walked from `after` on; its own split group belongs to it."""
    if after is None:
        return ranges
    return [(max(first, after[0]), last) for first, last in ranges if last >= after[0]]


def steps_of(ranges: list[Range], users: int) -> Iterator[list[Range]]:
    """The ranges in portions for one query each, in a warehouse of so many users, evenly spread over the split groups."""
    most = max(1, USERS_PER_STEP * SPLIT_GROUPS // max(users, 1))
    step: list[Range] = []
    held = 0
    for first, last in ranges:
        for start in range(first, last + 1, most):
            end = min(last, start + most - 1)
            size = end - start + 1
            if step and (held + size > most or len(step) == RANGES_PER_STEP):
                yield step
                step, held = [], 0
            step.append((start, end))
            held += size
    if step:
        yield step


def within(ranges: list[Range]) -> exp.Expr:
    """In one of the ranges (at least one)."""
    hull = _between(ranges[0][0], ranges[-1][1])
    if len(ranges) == 1:
        return hull
    # The range around all of them is what a sorted table can skip by.
    return exp.and_(hull, exp.paren(exp.or_(*(_between(first, last) for first, last in ranges))))


def comes_after(position: Position) -> exp.Expr:
    """Behind this user."""
    group = exp.Literal.number(position[0])
    return exp.or_(
        exp.GT(this=exp.column("split_group", quoted=True), expression=group),
        exp.and_(
            exp.EQ(this=exp.column("split_group", quoted=True), expression=group.copy()),
            exp.GT(this=exp.column("id", quoted=True), expression=exp.Literal.string(position[1])),
        ),
    )


def _between(first: int, last: int) -> exp.Expr:
    column = exp.column("split_group", quoted=True)
    if first == last:
        return exp.EQ(this=column, expression=exp.Literal.number(first))
    return exp.Between(this=column, low=exp.Literal.number(first), high=exp.Literal.number(last))
