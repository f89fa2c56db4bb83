"""Compiled conditions → bits: who of a generation matches, worked out on codes instead of users.

A condition is taken apart at its ANDs and ORs down to *questions* about one column each. DuckDB answers a question for
the values of the column's dictionary, whose few answers are then looked up for every user's code; bits are combined as the
condition says. That is sound because nothing stands above AND and OR: what is unknown counts as false on either way.
Questions about columns without codes are asked of DuckDB for all users, eight in one scan. Where codes stand for days, a
comparison that parts a day is asked for the users of that day.
"""

# ruff: noqa: S608 - what is asked is made by the compiler, column names are checked by the catalogue

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

QUESTIONS_PER_SCAN: Final = 8
_SLOTS_AT_A_TIME: Final = 1 << 17
_MOST_RANGES: Final = 4
_COMPARISONS: Final = (exp.GT, exp.GTE, exp.LT, exp.LTE)


@dataclass(eq=False)
class Question:
    """Something asked about users, answered either by a table of codes or by bits.

    `table` says for each code whether its users match. `parted` are codes of days whose users differ.
    """

    expression: exp.Expr
    column: CodedColumn | None
    table: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
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
        for mine in by_column.values():
            self._look_up(mine[0].column, mine)
        for question in questions:
            if question.parted:
                self._look_closer(question)
        uncoded = [question for question in questions if question.column is None]
        for start in range(0, len(uncoded), QUESTIONS_PER_SCAN):
            self._scan(uncoded[start : start + QUESTIONS_PER_SCAN])

    def _look_up(self, column: CodedColumn | None, questions: Sequence[Question]) -> None:
        """Answer questions about one column for the values of its dictionary."""
        assert column is not None
        lows = self._answers(column, [None, *column.lows], questions)
        highs = lows if column.highs is None else self._answers(column, [None, *column.highs], questions)
        for question, low, high in zip(questions, lows, highs, strict=True):
            question.table = np.concatenate([np.zeros(1, dtype=np.bool_), low & high])
            question.parted = (np.flatnonzero(low != high) + FIRST_VALUE - 1).tolist()

    def _answers(
        self, column: CodedColumn, values: list[str | None], questions: Sequence[Question]
    ) -> list[NDArray[np.bool_]]:
        flags = ", ".join(
            f"{as_flag(question.expression).sql(dialect='duckdb')} AS a{index}"
            for index, question in enumerate(questions)
        )
        # A long IN list is a join to DuckDB, which returns rows in any order: `place` says which is which.
        found = self._ask(
            f"""SELECT place, {flags} FROM (SELECT CAST(value AS {column.sql_type}) AS "{column.name}", place
                FROM (SELECT unnest(CAST($1 AS VARCHAR[])) AS value, unnest(range(CAST($2 AS BIGINT))) AS place))""",
            [values, len(values)],
        )
        order = np.argsort(found["place"])
        return [found[f"a{index}"][order] != 0 for index in range(len(questions))]

    def _look_closer(self, question: Question) -> None:
        """Which users of the days that a comparison parts match."""
        column = question.column
        assert column is not None
        assert column.highs is not None
        bits = np.zeros(self.slots.words * WORD // 8, dtype=np.uint8)
        for code in question.parted:
            low, high = (ends[code - FIRST_VALUE] for ends in (column.lows, column.highs))
            found = self._ask(
                f"""SELECT rowid AS place FROM store.users WHERE {question.expression.sql(dialect="duckdb")}
                    AND "{column.name}" BETWEEN CAST($1 AS {column.sql_type}) AND CAST($2 AS {column.sql_type})""",
                [low, high],
            )
            places = self.slots.slots_of(found["place"].astype(np.int64))
            np.bitwise_or.at(bits, places >> 3, (1 << (places & 7)).astype(np.uint8))
        question.bits = bits.view(np.uint64)

    def _scan(self, questions: Sequence[Question]) -> None:
        """Answer up to eight questions for all users in one scan."""
        flags = " + ".join(
            f"{as_flag(question.expression).sql(dialect='duckdb')} * {1 << index}"
            for index, question in enumerate(questions)
        )
        in_order = not any(question.expression.find(exp.In) for question in questions)
        place = "" if in_order else ", CAST(rowid AS UINTEGER) AS place"
        found = self._ask(f"SELECT CAST({flags} AS UTINYINT) AS answers{place} FROM store.users", [])
        answers = found["answers"]
        if not in_order:
            answers = np.empty_like(answers)
            answers[found["place"]] = found["answers"]
        found.clear()
        for question in questions:
            question.bits = np.empty(self.slots.words, dtype=np.uint64)
        for first, last in self.slots.stretches(_SLOTS_AT_A_TIME):
            rows = slice(int(self.slots.rows[first]), int(self.slots.rows[last]))
            words = slice(int(self.slots.starts[first]) // WORD, int(self.slots.starts[last]) // WORD)
            spread = self.slots.spread(answers[rows], first, last)
            for index, question in enumerate(questions):
                assert question.bits is not None
                question.bits[words] = packed(spread & np.uint8(1 << index))

    def _ask(self, query: str, parameters: list[Any]) -> dict[str, NDArray[Any]]:
        with self.limit.stopping(self.connection.interrupt):
            found: dict[str, NDArray[Any]] = self.connection.execute(query, parameters).fetchnumpy()
        return found


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
        name = question.column.name
        if name not in self._columns:
            self._columns[name] = self.codes.read(question.column, self.first, self.last)
        bits = packed(looked_up(question.table, self._columns[name]))
        return bits if seen is None else bits | seen


def looked_up(table: NDArray[np.bool_], codes: NDArray[Any]) -> NDArray[np.bool_]:
    """`table[codes]`. Dictionaries are sorted, so most questions are a few ranges of codes, and comparing is far quicker."""
    edges = np.flatnonzero(np.diff(table, prepend=False, append=False))
    ranges = edges.reshape(-1, 2)
    if not len(ranges):
        return np.zeros(codes.shape, dtype=np.bool_)
    if len(ranges) > _MOST_RANGES:
        return np.take(table, codes, mode="clip")
    # Below its start a code wraps around to a large number, so one comparison looks at both ends of a range.
    within = [
        codes - codes.dtype.type(start) < codes.dtype.type(end - start) for start, end in ranges.tolist()
    ]
    return _folded(np.bitwise_or, within)


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
