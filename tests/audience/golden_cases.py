"""Every operator with every type it is for, at its edges, as each dialect writes it: `golden/<dialect>.sql`.

python -m tests.audience.golden_cases        # writes the files anew, after a change that was meant
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usersplit.settings")
if not apps.ready:
    django.setup()

from sqlglot import exp

from audience.compiling import as_flag, compile_conditions
from audience.conditions import parse_conditions
from audience.dialects import DIALECTS, NotInThisDialect, render
from audience.specs import Catalogue, FilterSpec, operators_of
from tests.audience.random_conditions import NOW
from usersplit_sdk.operators import FILTER_TYPES, OPERATORS

FOLDER: Final = Path(__file__).parent / "golden"
CATALOGUE: Final[Catalogue] = {
    kind: FilterSpec(kind, kind, kind, column=f"{kind} column") for kind in FILTER_TYPES
}
COLUMNS: Final = {spec.column: spec.type for spec in CATALOGUE.values()}

ONE: Final[dict[str, list[Any]]] = {
    "boolean": [True, False],
    "integer": [50, -(2**63), 2**63 - 1],
    "number": [0.1, -0.0, 5e-324],
    "string": ["de", "", 'O\'Neill \\ "x" 100%_\n', "日本🦄"],
    "date": ["2026-01-31", "2026-01-31T10:00:00.123456Z", "0001-01-01", "9999-12-31"],
    "version": ["1.10"],
    "list": ["a", "a'b"],
}
MANY: Final[dict[str, list[Any]]] = {
    "integer": [[1], [1, 2, 3]],
    "number": [[1, 0.5]],
    "string": [["de"], ["de", "fr", "é"], ["", "de"]],
    "list": [["a"], ["a", "b"]],
}
RANGES: Final[dict[str, list[Any]]] = {
    "integer": [[1, 9], [-(2**63), 2**63 - 1]],
    "number": [[0.1, 9]],
    "date": [["2026-01-31", "2026-02-01"], ["2026-01-31T10:00:00Z", "2026-01-31T11:00:00Z"]],
}
PATTERNS: Final = ["", "^a.c$", r"\bfoo\b", r"(|a)b", r"[^\d]{2,3}", r"x{300}", r"\t\x01é", r"a\.b|c'd"]


def operands(operator: str, kind: str) -> list[Any]:
    """What the operator is asked with; [None] where it takes nothing."""
    shape = OPERATORS[operator].operand
    if shape == "pattern":
        return list(PATTERNS)
    return {
        "one": ONE.get(kind, []),
        "many": MANY.get(kind, []),
        "range": RANGES.get(kind, []),
        "days": [0, 30],
        "none": [None],
    }[shape]


def cases() -> Iterator[tuple[str, list[Any]]]:
    """A title and a parsed tree."""
    for kind in FILTER_TYPES:
        for operator in operators_of(kind):
            for operand in operands(operator, kind):
                predicate: dict[str, Any] = {"filter": kind, "operator": operator}
                if operand is not None:
                    predicate["value"] = operand
                shown = "" if operand is None else f" {operand!r}"
                yield f"{kind} {operator}{shown}", parse_conditions([predicate], CATALOGUE)
    age, language, tags = (
        {"filter": "integer", "operator": "gte", "value": 18},
        {"filter": "string", "operator": "not_in", "value": ["de", "fr"]},
        {"filter": "list", "operator": "has_none", "value": ["a", "b"]},
    )
    yield "everyone", []
    yield "AND binds tighter than OR", parse_conditions([age, "OR", language, "AND", tags], CATALOGUE)
    yield "brackets", parse_conditions([[age, "OR", language], "AND", [tags, "OR", [age]]], CATALOGUE)


def written(tree: list[Any], dialect: str) -> str:
    """The tree as a count per split group, or who refuses it and why."""
    compiled = compile_conditions(tree, CATALOGUE, COLUMNS, NOW)
    users = exp.cast(exp.Sum(this=as_flag(compiled.expression)), exp.DType.BIGINT)
    select = exp.select(exp.column("split_group"), users.as_("users"))
    try:
        return render(select.from_("users").group_by(exp.column("split_group")), dialect) + ";"
    except NotInThisDialect as refusal:
        return f"-- refused: {refusal.detail}"


def golden(dialect: str) -> str:
    """The whole file."""
    parts = [f"-- {title}\n{written(tree, dialect)}\n" for title, tree in cases()]
    return "\n".join(parts)


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for dialect in DIALECTS:
        (FOLDER / f"{dialect}.sql").write_text(golden(dialect), encoding="utf-8")
        print(f"wrote golden/{dialect}.sql")
    return 0


if __name__ == "__main__":
    sys.exit(main())
