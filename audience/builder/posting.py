"""The tree from the fields of a form.

`c.1.0.filter` is the filter of the first item in the bracket that is second in the outermost list; beside it are
`operator`, `value` (several), `more` and `joint`. `c.1.bracket` says that there is a bracket, `pick` that it is ticked, `was` which filter the
fields beside it were made for: when another one was chosen since, they mean nothing any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from django.http import QueryDict

from audience.builder.tree import Bracket, Path, Row

PREFIX: Final = "c"
MAX_STEPS: Final = 24
# Deeper than what is allowed, so that somebody who went one too deep sees it all again and is told.
_FIELD = re.compile(r"c((?:\.\d{1,5}){1,24})\.(filter|was|operator|value|more|joint|bracket|pick)", re.ASCII)
_PATH = re.compile(r"(?:\d{1,5}(?:\.\d{1,5}){0,23})?", re.ASCII)


@dataclass(slots=True)
class Posted:
    """What the form held; `is_cut` when some of it was nested deeper than can be read."""

    root: Bracket = field(default_factory=Bracket)
    is_cut: bool = False


def read_tree(data: QueryDict) -> Posted:
    """The tree as typed. Any mixture of fields gives some tree: gaps close, contradictions become brackets."""
    fields: dict[Path, dict[str, list[str]]] = {}
    posted = Posted()
    for name in data:
        match = _FIELD.fullmatch(name)
        if match:
            fields.setdefault(read_path(match[1][1:]) or (), {})[match[2]] = data.getlist(name)
        elif name.startswith(f"{PREFIX}."):
            posted.is_cut = True
    nodes: dict[Path, Row | Bracket] = {(): posted.root}
    holders = {path[:length] for path in fields for length in range(1, len(path))}
    holders |= {path for path, its in fields.items() if "bracket" in its}
    for path in sorted(holders | fields.keys()):
        parent = nodes[path[:-1]]
        # A parent is a holder, and holders are brackets.
        assert isinstance(parent, Bracket)
        its = fields.get(path, {})
        node = Bracket() if path in holders else _row(its)
        node.joint = "OR" if its.get("joint") == ["OR"] else "AND"
        node.is_picked = "pick" in its
        nodes[path] = node
        parent.items.append(node)
    return posted


def _row(its: dict[str, list[str]]) -> Row:
    chosen = its.get("filter", [""])[-1]
    if its.get("was", [chosen])[-1] != chosen:
        return Row(filter=chosen)
    return Row(
        filter=chosen,
        operator=its.get("operator", [""])[-1],
        values=_values(its.get("value", [])),
        more=its.get("more", [""])[-1],
    )


def _values(values: list[str]) -> list[str]:
    return values if any(values) else []


def read_path(text: str) -> Path | None:
    """`1.0` → (1, 0), the empty text → (); None for what is no path."""
    if not _PATH.fullmatch(text):
        return None
    return tuple(int(part) for part in text.split(".")) if text else ()
