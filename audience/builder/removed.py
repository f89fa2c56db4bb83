"""What was taken out of the conditions, so that it can be put back: the newest last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from audience.builder.posting import MAX_STEPS, read_path
from audience.builder.tree import Bracket, Path, Row, bracket_at, find
from core.text import unstorable_text

KEPT: Final = 10
_MAX_TEXT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Removed:
    """An item and the place that it had. `next_joint`: the word that stood behind it, when it was the first in its brackets."""

    path: Path
    item: Row | Bracket
    next_joint: str = "AND"


def about_to_go(root: Bracket, path: Path) -> Removed | None:
    """What `remove` will take out at `path`: with the brackets that would be left empty."""
    found = find(root, path)
    while found is not None and len(found[0].items) == 1 and len(path) > 1:
        path = path[:-1]
        found = find(root, path)
    if found is None or not path:
        return None
    parent, index = found
    is_first = index == 0 and len(parent.items) > 1
    # A copy: taking out what is in brackets empties them.
    return Removed(path, deepcopy(parent.items[index]), parent.items[1].joint if is_first else "AND")


def put_back(root: Bracket, removed: Removed) -> Path:
    """To its place, or behind everything where that is gone; answers where it is."""
    holder = bracket_at(root, removed.path[:-1])
    parent, above = (holder, removed.path[:-1]) if holder is not None else (root, ())
    index = min(removed.path[-1], len(parent.items)) if holder is not None else len(root.items)
    if index == 0 and parent.items:
        parent.items[0].joint = removed.next_joint
    parent.items.insert(index, removed.item)
    return (*above, index)


def written(removed: Removed) -> str:
    """For a hidden field."""
    item = {
        "at": ".".join(map(str, removed.path)),
        "item": _packed(removed.item),
        "next": removed.next_joint,
    }
    return json.dumps(item, ensure_ascii=False)


def read(texts: Iterable[str]) -> list[Removed]:
    """From the fields; what is none of it, or too much, is left out."""
    found = (_read(text) for text in list(texts)[-KEPT:])
    return [one for one in found if one is not None]


def _read(text: str) -> Removed | None:
    if len(text) > _MAX_TEXT:
        return None
    try:
        its = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(its, dict) or not isinstance(its.get("at"), str):
        return None
    # Half a surrogate pair can be written as an escape, and could not be written on the page again.
    if unstorable_text(json.dumps(its, ensure_ascii=False)):
        return None
    path, item = read_path(its["at"]), _unpacked(its.get("item"), MAX_STEPS)
    return Removed(path, item, _joint(its.get("next"))) if path and item is not None else None


def _packed(item: Row | Bracket) -> dict[str, object]:
    if isinstance(item, Bracket):
        return {"items": [_packed(one) for one in item.items], "joint": item.joint}
    return {
        "filter": item.filter,
        "operator": item.operator,
        "values": item.values,
        "more": item.more,
        "joint": item.joint,
    }


def _unpacked(its: object, depth: int) -> Row | Bracket | None:
    if not isinstance(its, Mapping) or not depth:
        return None
    if isinstance(its.get("items"), list):
        items = [_unpacked(one, depth - 1) for one in its["items"]]
        known = [one for one in items if one is not None]
        return Bracket(known, joint=_joint(its.get("joint"))) if len(known) == len(items) else None
    values = its.get("values")
    return Row(
        filter=_text(its.get("filter")),
        operator=_text(its.get("operator")),
        values=[_text(value) for value in values] if isinstance(values, list) else [],
        more=_text(its.get("more")),
        joint=_joint(its.get("joint")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _joint(value: object) -> str:
    return "OR" if value == "OR" else "AND"
