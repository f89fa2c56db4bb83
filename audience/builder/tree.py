"""The tree that a form edits. An item knows the AND or OR in front of it; that of a first item means nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from usersplit_sdk.operators import OPERATORS

Path = tuple[int, ...]
"""Where an item is: its index in the outermost list, then in the bracket there, …; () is the outermost list itself."""

MAX_ROWS: Final = 200
"""Rows that a page can show; more are edited as JSON."""
MAX_DEPTH: Final = 10


@dataclass(slots=True)
class Row:
    """One condition as typed. `values` are texts, however many the operator takes; `more` are further ones, one a line."""

    filter: str = ""
    operator: str = ""
    values: list[str] = field(default_factory=list)
    more: str = ""
    joint: str = "AND"

    def all_values(self) -> list[str]:
        """What was picked and what was written below it."""
        return [*self.values, *(line.strip() for line in self.more.splitlines() if line.strip())]


@dataclass(slots=True)
class Bracket:
    """Conditions in brackets; the outermost list is one too."""

    items: list[Row | Bracket] = field(default_factory=list)
    joint: str = "AND"


def from_conditions(conditions: Sequence[object]) -> Bracket:
    """The tree of a parsed (or at least well-formed) list of conditions."""
    bracket, joint = Bracket(), "AND"
    for item in conditions:
        if isinstance(item, dict):
            row = Row(
                str(item.get("filter", "")),
                str(item.get("operator", "")),
                _texts(item.get("value")),
                joint=joint,
            )
            bracket.items.append(row)
        elif isinstance(item, list):
            inner = from_conditions(item)
            inner.joint = joint
            bracket.items.append(inner)
        joint = item if isinstance(item, str) else "AND"
    return bracket


def to_conditions(bracket: Bracket) -> list[object]:
    """The list that the API would be sent, for `parse_conditions` to judge. Operand k stands at index 2k."""
    conditions: list[object] = []
    for item in bracket.items:
        if conditions:
            conditions.append(item.joint)
        conditions.append(to_conditions(item) if isinstance(item, Bracket) else _predicate(item))
    return conditions


def _predicate(row: Row) -> dict[str, object]:
    predicate: dict[str, object] = {"filter": row.filter, "operator": row.operator}
    operator = OPERATORS.get(row.operator)
    operand = operator.operand if operator else "one"
    values = row.all_values()
    if operand == "many":
        predicate["value"] = values
    elif operand == "range":
        predicate["value"] = [*row.values, "", ""][:2]
    elif operand != "none":
        # An empty field is a value that is missing, not an empty text.
        predicate["value"] = next((value for value in values if value != ""), None)
    return predicate


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(value)]


def walk(bracket: Bracket, path: Path = ()) -> Iterator[tuple[Path, Row | Bracket]]:
    """Every item with its path, in reading order."""
    for index, item in enumerate(bracket.items):
        here = (*path, index)
        yield here, item
        if isinstance(item, Bracket):
            yield from walk(item, here)


def is_too_large(bracket: Bracket) -> bool:
    """Whether it is more than a page should show."""
    for number, (path, _) in enumerate(walk(bracket)):
        if number >= MAX_ROWS or len(path) > MAX_DEPTH + 1:
            return True
    return False


# ---- what the buttons do -----------------------------------------------------------------------------------


def change(root: Bracket, what: str, path: Path) -> Path | None:
    """Do what a button says to the item at `path`; answers where the person should be next, None if nothing was done."""
    if what in {"add", "bracket"}:
        return _add(root, path, what)
    found = _found(root, path)
    if found is None or not path:
        return None
    parent, index = found
    if what == "remove":
        return _remove(root, path)
    if what == "ungroup":
        return _ungroup(parent, index, path)
    if what == "group":
        item = parent.items[index]
        parent.items[index] = Bracket([item], joint=item.joint)
        return (*path, 0)
    other = index + {"up": -1, "down": 1}.get(what, 0)
    if other == index or not 0 <= other < len(parent.items):
        return None
    items = parent.items
    # The words between stay where they are; the conditions trade places.
    items[index].joint, items[other].joint = items[other].joint, items[index].joint
    items[index], items[other] = items[other], items[index]
    return (*path[:-1], other)


def _found(root: Bracket, path: Path) -> tuple[Bracket, int] | None:
    """The bracket in which the item is, and its index there."""
    parent = root
    for index in path[:-1]:
        if index >= len(parent.items):
            return None
        step = parent.items[index]
        if not isinstance(step, Bracket):
            return None
        parent = step
    if path and path[-1] >= len(parent.items):
        return None
    return parent, path[-1] if path else 0


def _add(root: Bracket, path: Path, what: str) -> Path | None:
    target: Row | Bracket = root
    if path:
        found = _found(root, path)
        if found is None:
            return None
        target = found[0].items[found[1]]
    if not isinstance(target, Bracket):
        return None
    joint = target.items[-1].joint if len(target.items) > 1 else "AND"
    target.items.append(Row(joint=joint) if what == "add" else Bracket([Row()], joint=joint))
    here = (*path, len(target.items) - 1)
    return here if what == "add" else (*here, 0)


def _remove(root: Bracket, path: Path) -> Path | None:
    """Take the item out, and brackets that it leaves empty."""
    while path:
        found = _found(root, path)
        if found is None:
            return None
        parent, index = found
        del parent.items[index]
        if parent.items or len(path) == 1:
            return (*path[:-1], max(0, index - 1)) if parent.items else ()
        path = path[:-1]
    return None


def _ungroup(parent: Bracket, index: int, path: Path) -> Path | None:
    bracket = parent.items[index]
    if not isinstance(bracket, Bracket):
        return None
    if bracket.items:
        bracket.items[0].joint = bracket.joint
    parent.items[index : index + 1] = bracket.items
    return path if parent.items else ()
