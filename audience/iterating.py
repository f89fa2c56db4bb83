"""Walking the users who meet conditions, one by one, in constant memory, from wherever an earlier walk stopped.

The order is (split group, id). It is total and no load changes it, for a split group is for life: a walk that goes on after
new users were loaded meets nobody twice, sees the users of now behind its position, and none that came before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from audience.catalogue import load_catalogue
from audience.compiling import compile_conditions, is_always
from audience.conditions import parse_conditions, used_filters
from audience.dialects import render
from audience.specs import Catalogue, FilterType
from audience.walking_order import Position, comes_after, ranges_left, ranges_of, within
from audience.warehouse import UserRecord, Warehouse, get_warehouse

SPELLINGS: Final = {"postgresql": "postgres"}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text. `not_counted` names the filters that the warehouse does not have: they are taken as met."""

    text: str
    not_counted: tuple[str, ...]


def iterate(
    conditions: object,
    now: dt.datetime,
    split_groups: Collection[int] | None = None,
    after: Position | None = None,
    *,
    warehouse: Warehouse | None = None,
) -> Iterator[UserRecord]:
    """The users of the warehouse who meet `conditions` at `now` (aware), in the order of (split group, id).

    Conditions may be typed loosely; filters without a column in the warehouse are taken as met (`not_counted_filters` names
    them). With `split_groups` (1..2400) only users of those. `after` is the split group and id of the last user of an
    earlier walk. A load while it walks does not disturb it. Raises InvalidInput at once, WarehouseError at any point.
    """
    tree = parse_conditions(conditions, load_catalogue(), already_used=used_filters(conditions))
    return (warehouse or get_warehouse()).iterate_users(tree, now, split_groups, after=after)


def not_counted_filters(
    conditions: object, now: dt.datetime, *, warehouse: Warehouse | None = None
) -> tuple[str, ...]:
    """Filters of parsed conditions that the warehouse does not have, sorted: with one of these a walk is an upper bound."""
    types = (warehouse or get_warehouse()).column_types()
    return compile_conditions(conditions, load_catalogue(), types, now).not_counted


def matching_users_sql(
    conditions: object,
    now: dt.datetime,
    split_groups: Collection[int] | None,
    dialect: str,
    *,
    catalogue: Catalogue,
    columns: Mapping[str, FilterType],
    after: Position | None = None,
    table: str = "users",
) -> Statement:
    """One statement that selects what a walk walks: id and split group, in the walk's order.

    `conditions` are parsed, `columns` those of the table with their types, `dialect` one of `dialects.DIALECTS`.
    Raises NotInThisDialect for an unknown dialect and for what the engine cannot mean.
    """
    compiled = compile_conditions(conditions, catalogue, columns, now)
    place = [exp.column(name, quoted=True) for name in ("split_group", "id")]
    query = exp.select(place[1], place[0]).from_(exp.table_(table))
    ranges = ranges_left(ranges_of(split_groups), after)
    needed: list[exp.Expr] = [] if ranges else [exp.false()]
    if ranges and (split_groups is not None or after is not None):
        needed.append(within(ranges))
    if not is_always(compiled.expression):
        needed.append(compiled.expression)
    if after is not None:
        needed.append(comes_after(after))
    if needed:
        query = query.where(*needed)
    query = query.order_by(*(column.copy() for column in place))
    return Statement(render(query, SPELLINGS.get(dialect, dialect)), compiled.not_counted)
