"""Compiled conditions → bits: who of a generation matches, worked out on codes instead of users.

A condition is taken apart at its ANDs and ORs down to *questions* about one column each. DuckDB answers a question for
the values of the column's dictionary, whose few answers are then looked up for every user's code; bits are combined as the
condition says. That is sound because nothing stands above AND and OR: what is unknown counts as false on either way.
Questions about columns without codes are asked of DuckDB for all users, eight in one scan. Where codes stand for days, a
comparison that parts a day is asked for the users of that day.
"""

# ruff: noqa: S608 - what is asked is made by the compiler, column names are checked by the catalogue

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import duckdb
import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from audience.compiling import as_flag, is_always
from audience.warehouse.codes import FIRST_VALUE, CodedColumn, Codes
from audience.warehouse.slots import WORD, Bits, packed
from audience.warehouse.time_limits import TimeLimit

_QUESTIONS_PER_SCAN: Final = 8
_QUESTIONS_PER_LOOK: Final = 32
_QUESTIONS_PER_QUERY: Final = 64
_JOINS_PER_QUERY: Final = 8
_SLOTS_AT_A_TIME: Final = 1 << 17
_SLOTS_PER_QUERY: Final = 1 << 22
_MOST_COMPARISONS: Final = 4
_FEW_VALUES: Final = 32
_COMPARISONS: Final = (exp.GT, exp.GTE, exp.LT, exp.LTE)


class CodeTable:
    """A yes or no for each code.

    Dictionaries are sorted, so most questions are a few ranges of codes, and comparing is far quicker than looking up.
    """

    def __init__(self, answers: NDArray[np.bool_]) -> None:
        self.answers = answers
        self.codes: list[int] = np.flatnonzero(answers).tolist()
        edges = np.flatnonzero(np.diff(answers, prepend=False, append=False))
        self.ranges: list[list[int]] = edges.reshape(-1, 2).tolist()

    def look_up(self, codes: NDArray[Any]) -> NDArray[np.bool_]:
        """`answers[codes]`."""
        if not self.ranges:
            return np.zeros(codes.shape, dtype=np.bool_)
        if len(self.ranges) > _MOST_COMPARISONS:
            return np.take(self.answers, codes, mode="clip")
        # Below its start a code wraps around to a large number, so one comparison looks at both ends of a range.
        kind = codes.dtype.type
        return _folded(np.bitwise_or, (codes - kind(start) < kind(end - start) for start, end in self.ranges))


@dataclass(eq=False)
class Question:
    """Something asked about users, answered either by a table of codes or by bits.

    `table` says for each code whether its users match. `parted` are codes of days whose users differ.
    """

    expression: exp.Expr
    column: CodedColumn | None
    table: CodeTable = field(default_factory=lambda: CodeTable(np.zeros(0, dtype=np.bool_)))
    parted: list[int] = field(default_factory=list)
    bits: Bits | None = None


@dataclass(frozen=True, slots=True)
class Combined:
    joint: Literal["AND", "OR"]
    parts: tuple[Node, ...]


Node = Combined | Question | bool
"""`True` stands for everyone, `False` for nobody."""


class Matcher:
    """Works out the bits of several conditions of one generation. For one thread and one batch of conditions.

    `connection` reads the generation as `store.users`. Raises OSError when the codes are gone, duckdb.Error, WarehouseQueryFailed.
    """

    def __init__(self, codes: Codes, connection: duckdb.DuckDBPyConnection, limit: TimeLimit) -> None:
        self.codes = codes
        self.slots = codes.slots
        self.connection = connection
        self.limit = limit

    def matches(self, conditions: Sequence[exp.Expr]) -> NDArray[np.uint64]:
        """The bits of each condition, uint64[conditions, words]."""
        questions: dict[exp.Expr, Question] = {}
        nodes = [self._taken_apart(condition, questions) for condition in conditions]
        with self.limit.stopping(self.connection.interrupt):
            self._answer(list(questions.values()))
        found = np.zeros((len(nodes), self.slots.words), dtype=np.uint64)
        for first, last in self.slots.stretches(_SLOTS_AT_A_TIME):
            self.limit.check()
            stretch = _Stretch(self.codes, first, last)
            for row, node in zip(found, nodes, strict=True):
                row[stretch.words] = stretch.bits(node)
        return found

    # ---- taking apart ----------------------------------------------------------------------------------------

    def _taken_apart(self, condition: exp.Expr, questions: dict[exp.Expr, Question]) -> Node:
        condition = condition.unnest()
        if isinstance(condition, exp.Boolean):
            return is_always(condition)
        names = {column.name for column in condition.find_all(exp.Column)}
        coded = self.codes.columns.get(next(iter(names))) if len(names) == 1 else None
        whole = coded is not None and (coded.highs is None or _is_decided_by_ends(condition))
        if isinstance(condition, (exp.And, exp.Or)) and not whole:
            parts = tuple(self._taken_apart(part, questions) for part in condition.flatten())
            return Combined("AND" if isinstance(condition, exp.And) else "OR", parts)
        return questions.setdefault(condition, Question(condition, coded if whole else None))

    # ---- asking ----------------------------------------------------------------------------------------------

    def _answer(self, questions: Sequence[Question]) -> None:
        by_column: dict[str, list[Question]] = {}
        for question in questions:
            if question.column is not None:
                by_column.setdefault(question.column.name, []).append(question)
        for name, mine in by_column.items():
            column = self.codes.columns[name]
            # Each IN list is a join to DuckDB, and planning many joins at once takes more than in proportion.
            joins = [question for question in mine if question.expression.find(exp.In)]
            others = [question for question in mine if not question.expression.find(exp.In)]
            for part in (*_in_parts(joins, _JOINS_PER_QUERY), *_in_parts(others, _QUESTIONS_PER_QUERY)):
                self._look_up(column, part)
            parted = [question for question in mine if question.parted]
            for part in _in_parts(parted, _QUESTIONS_PER_LOOK):
                self._look_closer(column, part)
        uncoded = [question for question in questions if question.column is None]
        for part in _in_parts(uncoded, _QUESTIONS_PER_SCAN):
            self._scan(part)

    def _look_up(self, column: CodedColumn, questions: Sequence[Question]) -> None:
        """Answer questions about one column for the values of its dictionary."""
        highs = column.highs or []
        flags = ", ".join(
            f"{as_flag(question.expression).sql(dialect='duckdb')} AS a{index}"
            for index, question in enumerate(questions)
        )
        # A long IN list is a join to DuckDB, which returns rows in any order: `place` says which is which.
        found = self._ask(
            f"""SELECT place, {flags} FROM (SELECT CAST(value AS {column.sql_type}) AS "{column.name}", place
                FROM (SELECT unnest(CAST($1 AS VARCHAR[])) AS value, unnest(range(CAST($2 AS BIGINT))) AS place))""",
            [[None, *column.lows, *highs], 1 + len(column.lows) + len(highs)],
        )
        order = np.argsort(found["place"])
        codes = len(column.lows) + FIRST_VALUE
        for index, question in enumerate(questions):
            # The first answer is for a missing value, code 1: nobody, code 0, matches nothing.
            answers = np.concatenate([np.zeros(1, dtype=np.bool_), found[f"a{index}"][order] != 0])
            low, high = answers[FIRST_VALUE:codes], answers[codes:] if highs else answers[FIRST_VALUE:codes]
            question.table = CodeTable(np.concatenate([answers[:FIRST_VALUE], low & high]))
            question.parted = (np.flatnonzero(low != high) + FIRST_VALUE).tolist()

    def _look_closer(self, column: CodedColumn, questions: Sequence[Question]) -> None:
        """Which users of the days that are parted by any of these questions match each of them."""
        days = sorted({code for question in questions for code in question.parted})
        query = f"""SELECT u.rowid AS place, d.code, CAST({_as_one_number(questions)} AS UINTEGER) AS answers
            FROM store.users AS u JOIN (
                SELECT CAST(CAST(unnest($3) AS TIMESTAMP) AS DATE) AS day, unnest($4) AS code
            ) AS d ON CAST(u."{column.name}" AS DATE) = d.day
            WHERE u.rowid >= $1 AND u.rowid < $2"""
        lows = [column.lows[code - FIRST_VALUE] for code in days]
        all_bits = np.zeros((len(questions), self.slots.words * WORD // 8), dtype=np.uint8)
        for first, last in self.slots.stretches(_SLOTS_PER_QUERY):
            found = self._ask(query, [*self._rows(first, last), lows, days])
            places = self.slots.slots_of(found["place"])
            for index, (question, bits) in enumerate(zip(questions, all_bits, strict=True)):
                asked = np.isin(found["code"], question.parted)
                matching = places[asked & (found["answers"] & np.uint32(1 << index) != 0)]
                np.bitwise_or.at(bits, matching >> 3, (1 << (matching & 7)).astype(np.uint8))
        for question, bits in zip(questions, all_bits, strict=True):
            question.bits = bits.view(np.uint64)

    def _scan(self, questions: Sequence[Question]) -> None:
        """Answer up to eight questions for all users in one scan."""
        all_bits = np.zeros((len(questions), self.slots.words), dtype=np.uint64)
        query = f"""SELECT CAST({_as_one_number(questions)} AS UTINYINT) AS answers, CAST(rowid - $1 AS UINTEGER) AS place
            FROM store.users WHERE rowid >= $1 AND rowid < $2"""
        for first, last in self.slots.stretches(_SLOTS_PER_QUERY):
            start, end = self._rows(first, last)
            found = self._ask(query, [start, end])
            answers = np.zeros(end - start, dtype=np.uint8)
            # A long IN list is a join to DuckDB, which returns rows in any order.
            answers[found["place"]] = found["answers"]
            spread = self.slots.spread(answers, first, last)
            words = slice(int(self.slots.starts[first]) // WORD, int(self.slots.starts[last]) // WORD)
            for index, bits in enumerate(all_bits):
                bits[words] = packed(spread & np.uint8(1 << index))
        for question, bits in zip(questions, all_bits, strict=True):
            question.bits = bits

    def _rows(self, first: int, last: int) -> tuple[int, int]:
        return int(self.slots.rows[first]), int(self.slots.rows[last])

    def _ask(self, query: str, parameters: list[Any]) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = self.connection.execute(query, parameters).fetchnumpy()
        return found


def _in_parts(questions: Sequence[Question], size: int) -> Iterator[Sequence[Question]]:
    for start in range(0, len(questions), size):
        yield questions[start : start + size]


def _as_one_number(questions: Sequence[Question]) -> str:
    """SQL for a number whose k-th bit answers the k-th question."""
    return " + ".join(
        f"{as_flag(question.expression).sql(dialect='duckdb')} * {1 << index}"
        for index, question in enumerate(questions)
    )


def _is_decided_by_ends(expression: exp.Expr) -> bool:
    """Whether users between two moments all answer alike when the two moments do: a comparison, or a test for null."""
    if isinstance(expression, exp.Not):
        expression = expression.this.unnest()
        return isinstance(expression, exp.Is) and isinstance(expression.this, exp.Column)
    if isinstance(expression, exp.Is):
        return isinstance(expression.this, exp.Column)
    return (
        isinstance(expression, _COMPARISONS)
        and isinstance(expression.this, exp.Column)
        and not expression.expression.find(exp.Column)
    )


class _Stretch:
    """Some split groups' part of the work, small enough to stay in the processor's cache."""

    def __init__(self, codes: Codes, first: int, last: int) -> None:
        self.codes = codes
        self.first, self.last = first, last
        starts = codes.slots.starts
        self.words = slice(int(starts[first]) // WORD, int(starts[last]) // WORD)
        self._columns: dict[str, NDArray[Any]] = {}
        self._values: dict[tuple[str, int], Bits] = {}
        self._answers: dict[Question, Bits] = {}

    def bits(self, node: Node) -> Bits:
        if isinstance(node, bool):
            everyone = self.codes.slots.everyone[self.words]
            return everyone if node else np.zeros_like(everyone)
        if isinstance(node, Question):
            if node not in self._answers:
                self._answers[node] = self._answer(node)
            return self._answers[node]
        join = np.bitwise_and if node.joint == "AND" else np.bitwise_or
        return _folded(join, (self.bits(part) for part in node.parts))

    def _answer(self, question: Question) -> Bits:
        seen = None if question.bits is None else question.bits[self.words]
        if question.column is None:
            assert seen is not None
            return seen
        bits = self._of_codes(question.column, question.table)
        return bits if seen is None else bits | seen

    def _of_codes(self, column: CodedColumn, table: CodeTable) -> Bits:
        if len(table.ranges) > 1 and len(column.lows) <= _FEW_VALUES:
            # Each value's own bits are made once, however many questions name it (countries, above all).
            return _folded(np.bitwise_or, (self._of_code(column, code) for code in table.codes))
        return packed(table.look_up(self._read(column)))

    def _of_code(self, column: CodedColumn, code: int) -> Bits:
        key = (column.name, code)
        if key not in self._values:
            codes = self._read(column)
            self._values[key] = packed(codes == codes.dtype.type(code))
        return self._values[key]

    def _read(self, column: CodedColumn) -> NDArray[Any]:
        if column.name not in self._columns:
            self._columns[column.name] = self.codes.read(column, self.first, self.last)
        return self._columns[column.name]


def _folded(join: np.ufunc, parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """All parts joined; none of them is changed."""
    iterator = iter(parts)
    first = next(iterator)
    second = next(iterator, None)
    if second is None:
        return first
    folded: NDArray[Any] = join(first, second)
    for part in iterator:
        join(folded, part, out=folded)
    return folded
