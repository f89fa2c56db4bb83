r"""Canonical patterns (`usersplit_sdk.patterns.canonical_pattern`) in the words of engines that are not RE2.

The canonical form is small: characters, classes, `^`, `$`, `\b`, groups, `|` and counts. Every engine has all of it, but under
other names: `\b` is a backspace to PostgreSQL and knows Unicode to Java, `$` comes before a last line feed in Perl's family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from usersplit_sdk.pattern_tree import (
    Alternatives,
    Characters,
    Edge,
    Node,
    Parser,
    Ranges,
    Repeat,
    Sequence,
    complement,
)
from usersplit_sdk.patterns import PATTERN_SUBJECT_LIMIT

_WORD: Final = "[0-9A-Za-z_]"
# Said in full, because engines differ about which letters make words.
_WORD_EDGE: Final = f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"


@dataclass(frozen=True, slots=True)
class Wording:
    """How an engine spells what others spell differently.

    `code` is the format of a character that cannot be written as itself, None if every one can. `most` is the largest count
    that a repeat may have.
    """

    end: str
    word_edge: str
    group: str = "(?:"
    code: str | None = r"\x{:02x}"
    most: int = PATTERN_SUBJECT_LIMIT


RE2: Final = Wording(end="$", word_edge=r"\b")
JAVA: Final = Wording(end=r"\z", word_edge=_WORD_EDGE)
PERL: Final = JAVA
POSTGRES: Final = Wording(end="$", word_edge=r"\y", code=r"\u{:04x}", most=255)
POSIX: Final = Wording(end="$", word_edge=r"\b", group="(", code=None)


def reworded(canonical: str, wording: Wording) -> str:
    """The same pattern, to be searched for: it finds a match in the same texts."""
    if wording is RE2:
        return canonical
    return _pattern(Parser(canonical, repeat_limit=PATTERN_SUBJECT_LIMIT).parse(), wording)


def _pattern(node: Node, wording: Wording) -> str:
    if isinstance(node, Characters):
        return _characters(node.ranges, wording)
    if isinstance(node, Edge):
        return {"$": wording.end, r"\b": wording.word_edge}.get(node.kind, node.kind)
    if isinstance(node, Sequence):
        return "".join(
            _group(item, wording) if isinstance(item, Alternatives) else _pattern(item, wording)
            for item in node.items
        )
    if isinstance(node, Alternatives):
        return _alternatives(node, wording)
    return _repeat(node, wording)


def _group(node: Node, wording: Wording) -> str:
    return f"{wording.group}{_pattern(node, wording)})"


def _alternatives(node: Alternatives, wording: Wording) -> str:
    """POSIX has no empty branch: there the others become optional."""
    branches = [_pattern(branch, wording) for branch in node.branches]
    some = [branch for branch in branches if branch]
    if wording is not POSIX or len(some) == len(branches):
        return "|".join(branches)
    return f"({'|'.join(some)})?" if some else ""


def _repeat(node: Repeat, wording: Wording) -> str:
    body = _pattern(node.body, wording) if isinstance(node.body, Characters) else _group(node.body, wording)
    if max(node.low, node.high or 0) <= wording.most:
        return body + _count(node.low, node.high)
    counts: list[tuple[int, int | None]] = [(count, count) for count in _parts(node.low, wording.most)]
    if node.high is None:
        counts.append((0, None))
    else:
        counts.extend((0, count) for count in _parts(node.high - node.low, wording.most))
    return wording.group + "".join(body + _count(low, high) for low, high in counts) + ")"


def _parts(total: int, most: int) -> list[int]:
    """A count as a sum of counts that are allowed."""
    whole, rest = divmod(total, most)
    return [most] * whole + ([rest] if rest else [])


def _count(low: int, high: int | None) -> str:
    if high is None:
        return {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    if (low, high) == (0, 1):
        return "?"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _characters(ranges: Ranges, wording: Wording) -> str:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _character(ranges[0][0], wording)
    inverse = complement(ranges)
    chosen, mark = (inverse, "^") if 0 < len(inverse) <= len(ranges) else (ranges, "")
    return f"[{mark}" + "".join(_range(low, high, wording) for low, high in chosen) + "]"


def _range(low: int, high: int, wording: Wording) -> str:
    # No text holds half a character, so a range may end where the halves begin.
    low = 0xE000 if 0xD800 <= low <= 0xDFFF else low
    high = 0xD7FF if 0xD800 <= high <= 0xDFFF else high
    if low == high:
        return _character(low, wording)
    return f"{_character(low, wording)}-{_character(high, wording)}"


def _character(code: int, wording: Wording) -> str:
    character = chr(code)
    if character.isalnum() or character in "_ ":
        return character
    if 0x21 <= code <= 0x7E:
        return "\\" + character
    if code <= 0xFF and not (code >= 0xA1 and character.isprintable()) and wording.code is not None:
        return wording.code.format(code)
    return character
