"""What is asked of hits and events, written once; sqlglot writes it in the words of an engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp, parse_one

from analytics.store.base import Grain
from analytics.store.shapes import DEVICE, USER

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)
_LENGTHS: Final[Mapping[Grain, int]] = {"hour": 3_600_000_000, "day": 86_400_000_000}


@dataclass(frozen=True, slots=True)
class TimeWords:
    """How an engine names a moment (of a text like `2026-11-22 10:00:00.000000`, UTC), and the microseconds of one since 1970."""

    moment: Callable[[str], exp.Expr]
    microseconds: Callable[[exp.Expr], exp.Expr]


def _timestamp(text: str) -> exp.Expr:
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("TIMESTAMP"))


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


WORDS: Final[Mapping[str, TimeWords]] = {
    "duckdb": TimeWords(_timestamp, lambda time: _call("EPOCH_US", time)),
    "postgres": TimeWords(
        _timestamp,
        lambda time: exp.cast(
            exp.Mul(
                this=exp.Extract(this=exp.Var(this="EPOCH"), expression=time),
                expression=exp.Literal.number(1_000_000),
            ),
            "BIGINT",
        ),
    ),
    "clickhouse": TimeWords(
        lambda text: _call(
            "toDateTime64", exp.Literal.string(text), exp.Literal.number(6), exp.Literal.string("UTC")
        ),
        lambda time: _call("toUnixTimestamp64Micro", time),
    ),
}

# The words are DuckDB's; `:name` is replaced by an expression. The tables are called hits and events.
_COUNT_USERS: Final = """
SELECT group_id, variant, environment, who, moment, COUNT(*) AS users FROM (
    SELECT DISTINCT group_id, variant, environment,
        CASE WHEN forced THEN 'forced' WHEN test_user THEN 'test_users' ELSE 'users' END AS who,
        :moment AS moment, visitor
    FROM hits
    WHERE group_id IN (:group_ids) AND visitor <> '' AND :span
) AS seen
GROUP BY group_id, variant, environment, who, moment
"""
_HITS_OF: Final = """
SELECT group_id, test, settings_group, variant, visitor, device, split_group, environment, :moment AS moment,
    forced, test_user
FROM hits WHERE :whose AND :test AND :span
ORDER BY "time" DESC, group_id, variant LIMIT :most
"""
# Whoever saw two variants is in the table once too, with `shown` <> `other`.
_EXPOSED: Final = """
SELECT visitor, MIN(variant) AS shown, MAX(variant) AS other, MIN("time") AS first_at FROM hits
WHERE group_id = :group_id AND environment = :environment AND NOT forced AND NOT test_user AND visitor <> '' AND :span
GROUP BY visitor
"""
_USERS_EXPOSED: Final = f"""
SELECT CASE WHEN shown = other THEN shown ELSE '' END AS variant_shown, COUNT(*) AS users
FROM ({_EXPOSED}) AS exposed GROUP BY variant_shown
"""  # noqa: S608 - a text of ours
# Windows, since some engines would carry out twice what is named twice.
_EVENTS: Final = f"""
WITH exposed AS ({_EXPOSED}),
per_user AS (
    SELECT e.event AS name, x.shown AS shown, x.visitor AS somebody,
        COUNT(*) AS n, SUM(CASE WHEN e."value" IS NULL THEN 0 ELSE e."value" END) AS v
    FROM events AS e JOIN exposed AS x ON e.visitor = x.visitor
    WHERE x.shown = x.other AND e."time" >= x.first_at AND e.environment = :environment AND :event_span
    GROUP BY e.event, x.shown, x.visitor
),
per_variant AS (
    SELECT name, shown, COUNT(*) AS users, SUM(n) AS happened, SUM(n * n) AS happened_squared,
        SUM(v) AS worth, SUM(v * v) AS worth_squared
    FROM per_user GROUP BY name, shown
),
with_frequency AS (SELECT *, SUM(happened) OVER (PARTITION BY name) AS frequency FROM per_variant),
with_place AS (SELECT *, DENSE_RANK() OVER (ORDER BY frequency DESC, name) AS place FROM with_frequency),
with_names AS (SELECT *, MAX(place) OVER () AS names FROM with_place)
SELECT name, shown, users, happened, happened_squared, worth, worth_squared, names
FROM with_names WHERE place <= :most ORDER BY place, shown
"""  # noqa: S608 - a text of ours


class Questions:
    """The questions in the words of one engine, where the tables are called `tables` there."""

    def __init__(self, dialect: str, tables: Mapping[str, exp.Table]) -> None:
        self.dialect = dialect
        self.tables = tables
        self.words = WORDS[dialect]

    def count_users(
        self,
        group_ids: Collection[int],
        since: dt.datetime | None,
        until: dt.datetime | None,
        by: Grain | None,
    ) -> str:
        """Rows: group, variant, environment, who, moment in microseconds (0 without `by`), users."""
        moment: exp.Expr = exp.cast(exp.Literal.number(0), "BIGINT")
        if by is not None:
            microseconds = self.microseconds()
            length = exp.Literal.number(_LENGTHS[by])
            remainder = exp.Mod(this=microseconds.copy(), expression=length)
            moment = exp.Sub(this=microseconds, expression=remainder)
        return self.written(
            _COUNT_USERS,
            group_ids=[exp.Literal.number(int(each)) for each in sorted(group_ids)],
            span=self.span(since, until),
            moment=moment,
        )

    def hits_of(
        self,
        user_id: str | None,
        device_id: str | None,
        test: str | None,
        since: dt.datetime | None,
        until: dt.datetime | None,
        most: int,
    ) -> str:
        """Rows in the order of the columns of `shapes`, the time in microseconds."""
        visitors = [USER + user_id] if user_id else []
        if device_id:
            visitors.append(DEVICE + device_id)
        whose: exp.Expr = exp.column("visitor").isin(*map(exp.Literal.string, visitors))
        if device_id:
            whose = exp.or_(whose, exp.column("device").eq(exp.Literal.string(device_id)))
        return self.written(
            _HITS_OF,
            whose=exp.paren(whose),
            test=exp.column("test").eq(exp.Literal.string(test)) if test else exp.true(),
            span=self.span(since, until),
            moment=self.microseconds(),
            most=exp.Literal.number(int(most)),
        )

    def users_exposed(
        self, group_id: int, environment: str, since: dt.datetime | None, until: dt.datetime | None
    ) -> str:
        """Rows: variant (empty for those who saw several), users."""
        return self.written(_USERS_EXPOSED, **self._exposed(group_id, environment, since, until))

    def events_of_exposed(
        self,
        group_id: int,
        environment: str,
        since: dt.datetime | None,
        until: dt.datetime | None,
        most: int,
    ) -> str:
        """Rows: event, variant, users, events, their squares, value, its squares, how many event names there are."""
        return self.written(
            _EVENTS,
            **self._exposed(group_id, environment, since, until),
            event_span=self.span(since, until, "e"),
            most=exp.Literal.number(int(most)),
        )

    def _exposed(
        self, group_id: int, environment: str, since: dt.datetime | None, until: dt.datetime | None
    ) -> dict[str, exp.Expr]:
        return {
            "group_id": exp.Literal.number(int(group_id)),
            "environment": exp.Literal.string(environment),
            "span": self.span(since, until),
        }

    # ---- pieces ----------------------------------------------------------------------------------------------

    def written(self, text: str, **pieces: exp.Expr | list[exp.Expr]) -> str:
        tree = parse_one(text, dialect="duckdb")
        for placeholder in list(tree.find_all(exp.Placeholder)):
            piece = pieces[placeholder.name]
            if isinstance(piece, list):
                holder = placeholder.parent
                assert isinstance(holder, exp.In)
                holder.set("expressions", [each.copy() for each in piece])
            else:
                placeholder.replace(piece.copy())
        for table in list(tree.find_all(exp.Table)):
            if table.name in self.tables:
                alias = table.args.get("alias")
                there = self.tables[table.name].copy()
                there.set("alias", alias)
                table.replace(there)
        sql: str = tree.sql(dialect=self.dialect)
        return sql

    def microseconds(self) -> exp.Expr:
        return self.words.microseconds(exp.column("time", quoted=True))

    def span(
        self, since: dt.datetime | None, until: dt.datetime | None, table: str | None = None
    ) -> exp.Expr:
        column = exp.column("time", table, quoted=True)
        bounds: list[exp.Expr] = []
        if since is not None:
            bounds.append(exp.GTE(this=column.copy(), expression=self.moment(since)))
        if until is not None:
            bounds.append(exp.LT(this=column.copy(), expression=self.moment(until)))
        return exp.and_(*bounds) if bounds else exp.true()

    def moment(self, moment: dt.datetime) -> exp.Expr:
        return self.words.moment(f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}")


def moment_of(microseconds: int) -> dt.datetime:
    """Aware, in UTC, of microseconds since 1970."""
    return EPOCH + int(microseconds) * MICROSECOND
