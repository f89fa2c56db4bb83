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
    is_picked: bool = False

    def all_values(self) -> list[str]:
        """What was picked and what was written below it."""
        return [*self.values, *(line.strip() for line in self.more.splitlines() if line.strip())]


@dataclass(slots=True)
class Bracket:
    """Conditions in brackets; the outermost list is one too."""

    items: list[Row | Bracket] = field(default_factory=list)
    joint: str = "AND"
    is_picked: bool = False


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
    if what == "group_picked":
        return _group_picked(root)
    found = find(root, path)
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
    if what == "into":
        return _move_into(parent, index, path)
    other = index + {"up": -1, "down": 1}.get(what, 0)
    if other == index:
        return None
    if not 0 <= other < len(parent.items):
        return _move_out(root, path, is_before=other < index)
    items = parent.items
    # The words between stay where they are; the conditions trade places.
    items[index].joint, items[other].joint = items[other].joint, items[index].joint
    items[index], items[other] = items[other], items[index]
    return (*path[:-1], other)


def find(root: Bracket, path: Path) -> tuple[Bracket, int] | None:
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


def bracket_at(root: Bracket, path: Path) -> Bracket | None:
    """The brackets at `path`, if there are any; () is the outermost list."""
    target: Row | Bracket = root
    if path:
        found = find(root, path)
        if found is None:
            return None
        target = found[0].items[found[1]]
    return target if isinstance(target, Bracket) else None


def _add(root: Bracket, path: Path, what: str) -> Path | None:
    target = bracket_at(root, path)
    if target is None:
        return None
    joint = target.items[-1].joint if len(target.items) > 1 else "AND"
    target.items.append(Row(joint=joint) if what == "add" else Bracket([Row()], joint=joint))
    here = (*path, len(target.items) - 1)
    return here if what == "add" else (*here, 0)


def _remove(root: Bracket, path: Path) -> Path | None:
    """Take the item out, and brackets that it leaves empty."""
    while path:
        found = find(root, path)
        if found is None:
            return None
        parent, index = found
        del parent.items[index]
        if parent.items or len(path) == 1:
            return (*path[:-1], max(0, index - 1)) if parent.items else ()
        path = path[:-1]
    return None


def _move_out(root: Bracket, path: Path, *, is_before: bool) -> Path | None:
    """From the edge of its brackets to the place before or behind them; brackets that are left empty go."""
    found = find(root, path[:-1]) if len(path) > 1 else None
    if found is None:
        return None
    holder, place = found
    bracket = holder.items[place]
    assert isinstance(bracket, Bracket)
    item = bracket.items.pop(path[-1])
    if not bracket.items:
        item.joint = bracket.joint
        holder.items[place] = item
        return path[:-1]
    if is_before:
        # The words stay where they are: before the two, and between them.
        item.joint, bracket.joint = bracket.joint, bracket.items[0].joint
    here = place if is_before else place + 1
    holder.items.insert(here, item)
    return (*path[:-2], here)


def _move_into(parent: Bracket, index: int, path: Path) -> Path | None:
    """Into the brackets behind the item, else into those before it."""
    items = parent.items
    behind = items[index + 1] if index + 1 < len(items) else None
    before = items[index - 1] if index else None
    item = items[index]
    if isinstance(behind, Bracket):
        # The word between the two stays between them.
        if behind.items:
            behind.items[0].joint = behind.joint
        behind.joint = item.joint
        behind.items.insert(0, item)
        del items[index]
        return (*path, 0)
    if isinstance(before, Bracket):
        before.items.append(item)
        del items[index]
        return (*path[:-1], index - 1, len(before.items) - 1)
    return None


def _group_picked(root: Bracket) -> Path | None:
    """Put all that is picked, wherever it is, into brackets where the first of it was."""
    picked: list[tuple[Path, Row | Bracket]] = []
    for path, item in walk(root):
        if item.is_picked and not any(path[: len(other)] == other for other, _ in picked):
            picked.append((path, item))
    if not picked:
        return None
    first, item = picked[0]
    # Those behind go first, so that the paths of the others stay true; the first one's place is kept for the brackets.
    for path, _ in reversed(picked[1:]):
        _take_out(root, path)
    made = Bracket([one for _, one in picked], joint=item.joint)
    for one in made.items:
        one.is_picked = False
    found = find(root, first)
    assert found is not None
    found[0].items[found[1]] = made
    return (*first, 0)


def _take_out(root: Bracket, path: Path) -> None:
    """The item, and brackets that it leaves empty."""
    while path:
        found = find(root, path)
        if found is None:
            return
        parent, index = found
        del parent.items[index]
        if parent.items:
            return
        path = path[:-1]


def _ungroup(parent: Bracket, index: int, path: Path) -> Path | None:
    bracket = parent.items[index]
    if not isinstance(bracket, Bracket):
        return None
    if bracket.items:
        bracket.items[0].joint = bracket.joint
    parent.items[index : index + 1] = bracket.items
    return (*path[:-1], min(index, len(parent.items) - 1)) if parent.items else ()
