"""Random condition trees and users at the edges of every type, for comparing evaluators."""

# ruff: noqa: DTZ001 - warehouses keep moments in UTC without saying so

from __future__ import annotations

import datetime as dt
import random
import re
from collections import Counter
from typing import Any

from audience.specs import FilterSpec, operators_of
from usersplit_sdk.operators import FILTER_TYPES, OPERATORS
from usersplit_sdk.patterns import UnsafePattern, canonical_pattern

NOW = dt.datetime(2026, 11, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)
CATALOGUE = {
    f"{kind}_{half}": FilterSpec(f"{kind}_{half}", f"{kind} {half}", kind, column=f"{kind}_{half}")
    for kind in FILTER_TYPES
    for half in ("one", "two")
}

_LONG = "ab" * 256
VALUES: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, 1, -1, 2, 49, 50, 51, 2**53 + 1, 2**63 - 1, -(2**63), 10**15],
    "number": [0.0, -0.0, 1.0, 0.1, 0.30000000000000004, 0.3, -2.5, 50.0, 1e308, 5e-324, -1e308, 2.0**53, 1e16],
    "string": [
        "", " ", "a", "A", "ab", "abc", "%", "_", "a_c", "100%", "a'b", '"', "\\", "\\d", "a\nb", "\n", "é", "e\u0301", "ß", "🦄",
        "日本語", "50", "true", "2026-01-31", "DE", "de", "x" * 512, _LONG, _LONG + "a", "a\tb", "\u00a0", "foo.bar@example.com",
    ],
    "date": [
        dt.datetime(1, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(2026, 1, 30, 23, 59, 59, 999999),
        dt.datetime(2026, 1, 31), dt.datetime(2026, 1, 31, 10), dt.datetime(2026, 1, 31, 23, 59, 59, 999999),
        dt.datetime(2026, 2, 1), dt.datetime(2026, 10, 2, 12, 30, 15, 123456), dt.datetime(2026, 10, 2, 12, 30, 15, 123455),
        dt.datetime(2026, 11, 1, 12, 30, 15, 123456), dt.datetime(2027, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    ],
    "version": ["1.9", "1.10", "1.10.0", "1", "0", "0.0.1", "2.0", "999999999.999999999", "1.2.3.4.5.6", "1.09"],
    "list": [[], ["a"], ["a", "b"], ["b", "c", "a"], [""], ["é"], ["a'b", "x,y"], ["1"], ["a", "a"]],
}  # fmt: skip
_OPERANDS: dict[str, list[Any]] = {
    "boolean": ["Yes", "no", True, False, "1", 0],
    "integer": [*VALUES["integer"], "50", " 1 ", 3.0, 52, -2, "9223372036854775807"],
    "number": [*VALUES["number"], "0.1", 1, 50, "1e-7", 2**53, 10**17, 0.2],
    "string": [text for text in VALUES["string"] if len(text) < 1000],
    "date": [
        "2026-01-31", "2026-02-01", "2026-01-31T10:00:00Z", "2026-01-31T12:00:00+02:00", "2026-01-31 23:59:59.999999", "0001-01-01",
        "9999-12-31", "9999-12-31T23:59:59.999999Z", "1970-01-01", "2026-10-02T12:30:15.123456Z", "2026-11-01",
    ],
    "version": ["1.9", "1.10", "1.010", "1.0.0", 2, "0", "1.2.3.4.5.6", "999999999.999999999"],
    "list": ["a", "b", "z", "", "é", "a'b", 1, "x,y"],
}  # fmt: skip
_PATTERNS = (
    "x{512}", "^x{300,}$", "(?:ab){255,256}$", "^(?:ab){256}$", "^(?:a|b){2,400}", r"\ba\b", r"\b", r"\b\W\b", r"[\s\S]", r"^\D*$", r"[^\w ]",
    "(|a)b", "a|", "^(?:|ab|é)$", "a+?b", "^.*?$", r"[\]\-^\\]", r"\x41", r"\u00e9", r"[\x00-\x1f]", "[à-ÿ]", r"^[^\x80-\uffff]?$",
    r"\x00", r"[^\x00]", r"[\x00a]", r"^[^\x00-\x1f]+$", "[🦀-🦟]", r"\.", r"\Aa\Z", "(?:a|ab)(?:c|bcd)?$", "^[^a]{1,3}$", r"(?:^|\s)a", r"a(?:$|\n)", r"\t|\r|\f|\v", "~|@|#|&", "A-Z", r"\{1\}",
    "a", "^a", "a$", "^a.c$", "b|c", "[a-z]+", r"\d", r"\w+@\w+\.com", "", "^$", ".", r"\s", "[^a]", "(ab)+", "^(?:ab){2,3}$", "é",
    "%", "_", r"\\", "A|B", r"^\S+$", "日", r"\bfoo\b", "x{5}", "^[^\n]*$", "a?b", "'", "🦄", r"[\d_%]", "^.{1,3}$",
)  # fmt: skip
_ALPHABET = (
    "a",
    "b",
    "A",
    "ab",
    "1",
    "_",
    "-",
    ".",
    " ",
    "\n",
    "\r",
    "\t",
    "%",
    "'",
    "\\",
    "é",
    "e\u0301",
    "ß",
    "日",
    "🦄",
    "\u00a0",
    "\u2028",
    "\x85",
    "\x01",
)
_DAYS = (0, 1, 29, 30, 31, "30", 365, 36_500)


class RandomConditions:
    """Loosely typed trees, as people send them. `pairs` counts the (operator, filter type) pairs that were made."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pairs: Counter[tuple[str, str]] = Counter()

    def tree(self, depth: int = 0) -> list[Any]:
        if self.random.random() < 0.02:
            return []
        operands = self.random.choice((1, 1, 2, 2, 3))
        tree: list[Any] = []
        for index in range(operands):
            if index:
                tree.append(self.random.choice(("AND", "OR")))
            nested = depth < 3 and self.random.random() < 0.2
            tree.append(self.tree(depth + 1) if nested else self.predicate())
        return tree

    def predicate(self) -> dict[str, Any]:
        spec = self.random.choice(list(CATALOGUE.values()))
        operator = self.random.choice(operators_of(spec.type))
        self.pairs[operator, spec.type] += 1
        predicate = {"filter": spec.name, "operator": operator}
        if OPERATORS[operator].operand != "none":
            predicate["value"] = self.operand(operator, spec.type)
        return predicate

    def operand(self, operator: str, kind: str) -> Any:
        pool = _OPERANDS[kind]
        shape = OPERATORS[operator].operand
        if shape == "days":
            return self.random.choice(_DAYS)
        if shape == "pattern":
            return self.random.choice(_PATTERNS) if self.random.random() < 0.5 else self.pattern()
        if shape == "many":
            return self.random.sample(pool, self.random.randint(1, min(4, len(pool))))
        if shape == "range":
            return self.range(kind, pool)
        if kind == "string" and self.random.random() < 0.3:
            return random_text(self.random, 3)
        return self.random.choice(pool)

    def pattern(self) -> str:
        """A pattern made up on the spot, of those that are accepted."""
        while True:
            made = self.alternatives(0)
            try:
                canonical_pattern(made)
            except UnsafePattern:
                continue
            return made

    def alternatives(self, depth: int) -> str:
        branches = self.random.choice((1, 1, 1, 2, 3))
        return "|".join(
            "".join(self.piece(depth) for _ in range(self.random.randint(0, 4))) for _ in range(branches)
        )

    def piece(self, depth: int) -> str:
        count = self.random.choice(("", "", "", "", "*", "+", "?", "*?", "{2}", "{0,2}", "{1,}", "{3,400}"))
        kind = self.random.random()
        if kind < 0.15:
            return self.random.choice(("^", "$", r"\b"))
        if kind < 0.3 and depth < 3:
            return f"{self.random.choice(('(', '(?:'))}{self.alternatives(depth + 1)}){count}"
        if kind < 0.55:
            return (
                self.random.choice(
                    (".", r"\d", r"\w", r"\s", r"\W", r"\S", "[ab]", "[^a]", "[a-é]", r"[^\n\w]", "[1_%.]")
                )
                + count
            )
        return re.escape(self.random.choice(_ALPHABET)[:1]) + count

    def range(self, kind: str, pool: list[Any]) -> list[Any]:
        if kind == "date":
            days = [text for text in pool if len(text) == 10]
            return sorted(self.random.choices(days, k=2))
        return sorted(self.random.choices([item for item in pool if not isinstance(item, str)], k=2))


def random_text(source: random.Random, most: int) -> str:
    return "".join(source.choice(_ALPHABET) for _ in range(source.randint(0, most)))


def _random_value(source: random.Random, kind: str) -> Any:
    if kind == "string" and source.random() < 0.5:
        return random_text(source, 6)
    return source.choice(VALUES[kind])


def random_users(seed: int, count: int) -> dict[str, list[Any]]:
    """`count` values per column of CATALOGUE, about one in six missing."""
    source = random.Random(seed)
    return {
        spec.column: [
            None if source.random() < 1 / 6 else _random_value(source, spec.type) for _ in range(count)
        ]
        for spec in CATALOGUE.values()
    }
