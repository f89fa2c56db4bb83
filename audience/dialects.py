"""A compiled condition, or a whole select of compiled conditions, as SQL of a named engine.

sqlglot writes the words of a dialect; the finishing here sees to it that they mean what the SDK means: sizes of types,
patterns, missing lists, functions that an engine lacks. What an engine cannot mean is refused by name, never approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlglot import exp

from audience.dialects_patterns import JAVA, PERL, POSIX, POSTGRES, RE2, Wording, reworded
from core.errors import DomainError

Finish = Callable[[exp.Expr, str], exp.Expr]
"""(node, dialect) → what stands in its place. Nodes inside are finished already."""

LIST_SET_SUFFIX: Final = "__set"
"""ClickHouse knows no missing list: a column of this name beside a list's says whether the user has one."""
_LEAST_NORMAL: Final = 2.2250738585072014e-308


class NotInThisDialect(DomainError):
    """A condition cannot mean in this engine what it means to the SDK. Names the filter, the operator and the engine."""

    code = "not_in_this_dialect"
    title = "This engine cannot answer that condition"
    status = 400


def render(expression: exp.Expr, dialect: str) -> str:
    """The SQL of a condition or a select made of `compile_conditions`; `dialect` is one of DIALECTS.

    Raises NotInThisDialect for what the engine cannot mean, and for an engine that is not in the table.
    """
    table = _FINISHES.get(dialect)
    if table is None:
        raise NotInThisDialect(f"there is no dialect {dialect!r}; there are {', '.join(DIALECTS)}")
    holder = exp.Paren(this=expression.copy())
    # Leaves first, with a list of our own: conditions may be nested deeper than Python calls functions.
    for node in reversed(list(holder.walk())):
        finish = table.get(type(node))
        if finish is not None:
            finished = finish(node, dialect)
            if finished is not node:
                node.replace(finished)
    sql: str = holder.this.sql(dialect=dialect)
    return sql


# ---- refusals ------------------------------------------------------------------------------------------------


def _refusal(node: exp.Expr, dialect: str, reason: str) -> NotInThisDialect:
    predicate: exp.Expr | None = node
    while predicate is not None and "filter" not in predicate.meta:
        predicate = predicate.parent
    asked = (
        f"{predicate.meta['filter']} {predicate.meta['operator']}" if predicate is not None else "this query"
    )
    return NotInThisDialect(f"{asked} cannot be asked of {dialect}: {reason}")


def _operator(node: exp.Expr) -> str:
    above: exp.Expr | None = node
    while above is not None and "operator" not in above.meta:
        above = above.parent
    return "" if above is None else str(above.meta["operator"])


def _kind(node: exp.Expr | None) -> str:
    """The filter type of a column, "" of anything else."""
    return str(node.meta.get("kind", "")) if isinstance(node, exp.Column) else ""


def _no_lists(node: exp.Expr, dialect: str) -> exp.Expr:
    if _kind(node) == "list":
        raise _refusal(node, dialect, "it has no lists")
    return node


def _no_missing_list(node: exp.Expr, dialect: str) -> exp.Expr:
    """BigQuery stores a missing list as an empty one."""
    if _kind(node.this) == "list":
        raise _refusal(node, dialect, "it keeps no difference between a missing list and an empty one")
    return node


def _no_empty_text(node: exp.Expr, dialect: str) -> exp.Expr:
    """Oracle's old rule, which Exasol keeps: '' is NULL."""
    others = node.expressions if isinstance(node, exp.In) else [node.expression]
    if any(isinstance(other, exp.Literal) and other.is_string and not other.this for other in others):
        raise _refusal(node, dialect, "it takes an empty text for a missing one")
    return node


# ---- types ---------------------------------------------------------------------------------------------------


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _moments_as(kind: str) -> Finish:
    """Casts to TIMESTAMP become casts to the engine's type of moments without a zone, to the microsecond."""

    def finish(node: exp.Expr, dialect: str) -> exp.Expr:
        if node.args["to"].this != exp.DType.TIMESTAMP:
            return node
        return exp.cast(node.this, exp.DataType.build(kind, dialect=dialect))

    return finish


def _normal_numbers_only(then: Finish) -> Finish:
    def finish(node: exp.Expr, dialect: str) -> exp.Expr:
        is_literal = isinstance(node.this, exp.Literal) and node.args["to"].this == exp.DType.DOUBLE
        if is_literal and 0 < abs(float(node.this.this)) < _LEAST_NORMAL:
            raise _refusal(
                node, dialect, "whether it knows numbers this close to 0 is not said in its documentation"
            )
        return then(node, dialect)

    return finish


def _clickhouse_cast(node: exp.Expr, dialect: str) -> exp.Expr:
    # Its CAST would make everything Nullable, and moments whole seconds.
    kind = node.args["to"].this
    if kind == exp.DType.TIMESTAMP:
        return _call("toDateTime64", node.this, _number(6), exp.Literal.string("UTC"))
    return _call({exp.DType.BIGINT: "toInt64", exp.DType.DOUBLE: "toFloat64"}[kind], node.this)


def _one_or_zero(node: exp.Expr, dialect: str) -> exp.Expr:
    """Old ClickHouse servers keep booleans as bytes; new ones compare them with 1 as well."""
    return _number(1 if node.this else 0)


def _without_negative_zero(node: exp.Expr, dialect: str) -> exp.Expr:
    """ClickHouse looks numbers up by their bits, where -0 is not 0; adding 0 makes it so."""
    if _kind(node.this) == "number":
        plain = exp.Paren(this=exp.Add(this=node.this.copy(), expression=exp.Literal.number("0.0")))
        node.set("this", plain)
    return node


def _not_in_what_is_there(node: exp.Expr, dialect: str) -> exp.Expr:
    """Old ClickHouse servers count a missing value as not being in a list; asked whether it is there first, none does."""
    found = node.this.this if isinstance(node.this, exp.Paren) else node.this
    if not isinstance(found, exp.In):
        return node
    column = found.this.find(exp.Column)
    assert column is not None
    there = exp.Not(this=exp.Is(this=column.copy(), expression=exp.null()))
    return exp.Paren(this=exp.And(this=there, expression=node.copy()))


def _in_order_of_bytes(node: exp.Expr, dialect: str) -> exp.Expr:
    """Version keys sort as bytes do, whatever the database's language."""
    if _kind(node.this) == "key":
        node.set("this", _bytewise(node.this))
    return node


def _bytewise(column: exp.Expr) -> exp.Expr:
    return exp.Collate(this=column.copy(), expression=exp.to_identifier("C", quoted=True))


# ---- texts ---------------------------------------------------------------------------------------------------


def _edge_of_text(function: str, *, from_end: bool = False) -> Finish:
    """`starts_with` and `ends_with` as a comparison with as many characters as the operand has."""

    def finish(node: exp.Expr, dialect: str) -> exp.Expr:
        length = len(node.expression.this)
        cut = _call(
            function, node.this.copy(), exp.Neg(this=_number(length)) if from_end else _number(length)
        )
        return exp.EQ(this=cut, expression=node.expression.copy())

    return finish


def _pattern_as(wording: Wording, build: Callable[[exp.Expr, exp.Expr], exp.Expr] | None = None) -> Finish:
    def finish(node: exp.Expr, dialect: str) -> exp.Expr:
        pattern = exp.Literal.string(reworded(node.expression.this, wording))
        if build is not None:
            return build(node.this.copy(), pattern)
        node.set("expression", pattern)
        return node

    return finish


def _searched_anywhere(column: exp.Expr, pattern: exp.Expr) -> exp.Expr:
    """Snowflake's REGEXP_LIKE must match all of a text; under `s` the dot passes line feeds too."""
    whole = exp.Literal.string(f".*({pattern.this}).*")
    return exp.RegexpLike(this=column, expression=whole, flag=exp.Literal.string("s"))


def _place_of_match(column: exp.Expr, pattern: exp.Expr) -> exp.Expr:
    return exp.GT(this=_call("REGEXP_INSTR", column, pattern), expression=_number(0))


def _characters(node: exp.Expr, dialect: str) -> exp.Expr:
    return _call("lengthUTF8", node.this.copy())


def _place_of_text(node: exp.Expr, dialect: str) -> exp.Expr:
    """By its own name: old servers do not know POSITION in capitals."""
    return _call("positionUTF8", node.this.copy(), node.args["substr"].copy())


# ---- lists ---------------------------------------------------------------------------------------------------


def _items(node: exp.Expr) -> list[exp.Expr]:
    sought = node.expression
    return [item.copy() for item in (sought.expressions if isinstance(sought, exp.Array) else [sought])]


def _array_overlap(node: exp.Expr, dialect: str) -> exp.Expr:
    """sqlglot's PostgreSQL has `'a' = ANY(list)`, made false for a missing list, and its NOT true."""
    return exp.ArrayOverlaps(this=node.this.copy(), expression=exp.Array(expressions=_items(node)))


def _called_overlap(node: exp.Expr, dialect: str) -> exp.Expr:
    return _call("ARRAYS_OVERLAP", node.this.copy(), exp.Array(expressions=_items(node)))


def _unnested(node: exp.Expr, dialect: str) -> exp.Expr:
    if _operator(node) == "has_none":
        raise _refusal(node, dialect, "it keeps no difference between a missing list and an empty one")
    named = exp.TableAlias(columns=[exp.to_identifier("item")])
    source = exp.Unnest(expressions=[node.this.copy()], alias=named)
    sought = exp.In(this=exp.column("item"), expressions=_items(node))
    return exp.Exists(this=exp.select("1").from_(source).where(sought))


def _clickhouse_has(node: exp.Expr, dialect: str) -> exp.Expr:
    items = _items(node)
    found = (
        _call("has", node.this.copy(), items[0])
        if len(items) == 1
        else _call("hasAny", node.this.copy(), exp.Array(expressions=items))
    )
    # CASE without ELSE: unknown where there is no list, under NOT as well.
    return exp.Case(ifs=[exp.If(this=_list_is_set(node.this), true=found)])


def _clickhouse_list_missing(node: exp.Expr, dialect: str) -> exp.Expr:
    if _kind(node.this) != "list":
        return node
    return exp.EQ(this=exp.column(f"{node.this.name}{LIST_SET_SUFFIX}", quoted=True), expression=_number(0))


def _list_is_set(column: exp.Expr) -> exp.Expr:
    return exp.EQ(this=exp.column(f"{column.name}{LIST_SET_SUFFIX}", quoted=True), expression=_number(1))


_FINISHES: Final[Mapping[str, Mapping[type[exp.Expr], Finish]]] = {
    "duckdb": {},
    "postgres": {
        **dict.fromkeys((exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _in_order_of_bytes),
        exp.EndsWith: _edge_of_text("RIGHT"),
        exp.RegexpLike: _pattern_as(
            POSTGRES, lambda column, pattern: exp.RegexpLike(this=_bytewise(column), expression=pattern)
        ),
        exp.ArrayContains: _array_overlap,
    },
    "clickhouse": {
        exp.Cast: _clickhouse_cast,
        exp.Boolean: _one_or_zero,
        exp.In: _without_negative_zero,
        exp.Not: _not_in_what_is_there,
        exp.Length: _characters,
        exp.StrPosition: _place_of_text,
        exp.Is: _clickhouse_list_missing,
        exp.ArrayContains: _clickhouse_has,
        exp.ArrayOverlaps: _clickhouse_has,
    },
    "exasol": {
        exp.Column: _no_lists,
        exp.EQ: _no_empty_text,
        exp.NEQ: _no_empty_text,
        exp.In: _no_empty_text,
        exp.Cast: _normal_numbers_only(_moments_as("TIMESTAMP(6)")),
        exp.StartsWith: _edge_of_text("LEFT"),
        exp.EndsWith: _edge_of_text("RIGHT"),
        exp.RegexpLike: _pattern_as(PERL, _place_of_match),
    },
    "snowflake": {
        exp.Cast: _normal_numbers_only(_moments_as("TIMESTAMPNTZ")),
        exp.RegexpLike: _pattern_as(POSIX, _searched_anywhere),
    },
    "bigquery": {
        exp.Is: _no_missing_list,
        exp.RegexpLike: _pattern_as(RE2),
        exp.ArrayContains: _unnested,
        exp.ArrayOverlaps: _unnested,
    },
    "trino": {
        exp.Cast: _moments_as("TIMESTAMP(6)"),
        exp.EndsWith: _edge_of_text("SUBSTR", from_end=True),
        exp.RegexpLike: _pattern_as(JAVA),
        exp.ArrayOverlaps: _called_overlap,
    },
    "spark": {
        exp.Cast: _moments_as("TIMESTAMPNTZ"),
        exp.RegexpLike: _pattern_as(JAVA),
        exp.ArrayOverlaps: _called_overlap,
    },
}

DIALECTS: Final = tuple(_FINISHES)
"""The engines that conditions can be written for; which of them were run is said in docs/engines.md."""
