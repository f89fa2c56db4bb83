"""Regular expressions that mean the same in Python and in SQL and cannot explode.

A pattern is read by a small parser of our own (the stdlib's differs between Python versions), limited to
what Python's ``re`` and RE2, the engine of the warehouses, both have and agree on, and written again in an
explicit form. Both sides run that form. Texts longer than ``PATTERN_SUBJECT_LIMIT`` characters never match,
in SQL too, so that the worst case of Python's backtracking is known before a pattern is accepted.

Accepted: literals, ``.``, ``[…]``, ``^ $ \\A \\Z \\b``, groups, ``|``, ``* + ? {m,n}`` (greedy or lazy: whether
there is a match is the same), ``\\d \\w \\s`` and their negations (ASCII), ``\\n \\t \\r \\f \\v \\xhh \\uhhhh``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from usersplit_sdk.pattern_cost import refuse_nested_repeats, worst_case_steps
from usersplit_sdk.pattern_tree import (
    Alternatives,
    Characters,
    Edge,
    Node,
    Parser,
    Repeat,
    Sequence,
    UnsafePattern,
    complement,
)

PATTERN_LENGTH_LIMIT = 200
PATTERN_SUBJECT_LIMIT = 512
# About 0.1 s of the stdlib's engine in the very worst case; ordinary patterns need thousands.
PATTERN_STEP_LIMIT = 25_000_000

__all__ = [
    "PATTERN_LENGTH_LIMIT",
    "PATTERN_SUBJECT_LIMIT",
    "UnsafePattern",
    "canonical_pattern",
    "compile_pattern",
]


def canonical_pattern(text: str) -> str:
    """The pattern in the explicit form that RE2 runs (``$`` is the end of the text); raises ``UnsafePattern``.

    It finds a match exactly where the original does or does not, but is not fit for extracting groups:
    ``.*`` at either end is dropped, as it cannot change whether there is a match.
    """
    return _render(_checked_tree(text), end="$")


def compile_pattern(text: str) -> re.Pattern[str]:
    """The same pattern for Python's ``re``, where the end of the text is ``\\Z``; use ``.search``."""
    return re.compile(_render(_checked_tree(text), end=r"\Z"), re.ASCII)


@lru_cache(maxsize=256)
def _checked_tree(text: str) -> Node:
    if not isinstance(text, str):
        raise UnsafePattern("a pattern must be a text")
    if len(text) > PATTERN_LENGTH_LIMIT:
        raise UnsafePattern(f"the pattern is longer than {PATTERN_LENGTH_LIMIT} characters")
    written = Parser(text, repeat_limit=PATTERN_SUBJECT_LIMIT).parse()
    refuse_nested_repeats(written, PATTERN_SUBJECT_LIMIT)
    tree = _without_loose_ends(written)
    if worst_case_steps(tree, PATTERN_SUBJECT_LIMIT) > PATTERN_STEP_LIMIT:
        raise UnsafePattern(
            "the pattern could take too long on some texts: use fewer or narrower repeats, "
            "or begin it with ^ or with fixed text"
        )
    return tree


def _without_loose_ends(node: Node) -> Node:
    """Drop what a search does not need: ``.*x.*`` finds a match where ``x`` does, and costs much more."""
    if isinstance(node, Alternatives):
        return Alternatives(tuple(_without_loose_ends(branch) for branch in node.branches))
    items: list[Node] = list(node.items) if isinstance(node, Sequence) else [node]
    for last in (False, True):
        while items:
            place = len(items) - 1 if last else 0
            edge = items[place]
            if not isinstance(edge, Repeat) or edge.low == edge.high:
                break
            if edge.low > 1:
                items[place] = Repeat(edge.body, edge.low, edge.low)
                break
            kept = (
                () if edge.low == 0 else edge.body.items if isinstance(edge.body, Sequence) else (edge.body,)
            )
            items[place : place + 1] = kept
    return items[0] if len(items) == 1 else Sequence(tuple(items))


def _render(node: Node, end: str) -> str:
    if isinstance(node, Characters):
        return _render_characters(node)
    if isinstance(node, Edge):
        return end if node.kind == "$" else node.kind
    if isinstance(node, Sequence):
        return "".join(
            f"(?:{_render(item, end)})" if isinstance(item, Alternatives) else _render(item, end)
            for item in node.items
        )
    if isinstance(node, Alternatives):
        return "|".join(_render(branch, end) for branch in node.branches)
    body = _render(node.body, end)
    return (body if isinstance(node.body, Characters) else f"(?:{body})") + _render_count(node.low, node.high)


def _render_count(low: int, high: int | None) -> str:
    if high is None:
        return {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    if (low, high) == (0, 1):
        return "?"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _render_characters(node: Characters) -> str:
    if len(node.ranges) == 1 and node.ranges[0][0] == node.ranges[0][1]:
        return _render_character(node.ranges[0][0])
    inverse = complement(node.ranges)
    ranges, mark = (inverse, "^") if 0 < len(inverse) <= len(node.ranges) else (node.ranges, "")
    return f"[{mark}" + "".join(_render_range(low, high) for low, high in ranges) + "]"


def _render_range(low: int, high: int) -> str:
    if low == high:
        return _render_character(low)
    return f"{_render_character(low)}-{_render_character(high)}"


def _render_character(code: int) -> str:
    character = chr(code)
    if code >= 0xA1 and character.isprintable():
        return character
    if character.isalnum() or character in "_ ":
        return character
    if 0x21 <= code <= 0x7E:
        return "\\" + character
    return f"\\x{code:02x}" if code <= 0xFF else character
