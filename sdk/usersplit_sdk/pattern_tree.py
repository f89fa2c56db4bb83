"""The syntax of patterns: a tree of characters, edges, sequences, alternatives and repeats, and its parser."""

from __future__ import annotations

from dataclasses import dataclass

Ranges = tuple[tuple[int, int], ...]
LAST_CODE = 0x10FFFF
DEPTH_LIMIT = 20


class UnsafePattern(ValueError):
    """The pattern is malformed, means different things in different engines, or could take too long."""


@dataclass(frozen=True)
class Characters:
    """One character out of ``ranges`` (inclusive code points, ascending, disjoint)."""

    ranges: Ranges


@dataclass(frozen=True)
class Edge:
    """A position: ``^`` start of the text, ``$`` its end, ``\\b`` the edge of an (ASCII) word."""

    kind: str


@dataclass(frozen=True)
class Sequence:
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Alternatives:
    branches: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """``body`` at least ``low`` and at most ``high`` times (None: without end)."""

    body: Node
    low: int
    high: int | None


Node = Characters | Edge | Sequence | Alternatives | Repeat


def merged(ranges: list[tuple[int, int]]) -> Ranges:
    """The same characters as ascending, disjoint, non-adjacent ranges."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def complement(ranges: Ranges) -> Ranges:
    """Every character that is not in ``ranges``."""
    result, start = [], 0
    for low, high in ranges:
        if start < low:
            result.append((start, low - 1))
        start = high + 1
    if start <= LAST_CODE:
        result.append((start, LAST_CODE))
    return tuple(result)


def _codes(text: str) -> Ranges:
    return merged([(ord(character), ord(character)) for character in text])


DIGITS: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
NOT_LINE_FEED: Ranges = complement(_codes("\n"))
CLASSES: dict[str, Ranges] = {
    "d": DIGITS,
    "w": WORD,
    "s": SPACE,
    "D": complement(DIGITS),
    "W": complement(WORD),
    "S": complement(SPACE),
}
CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
EDGES = {"A": "^", "Z": "$", "z": "$", "b": r"\b"}
HEX_DIGITS = {"x": 2, "u": 4}


class Parser:
    """Reads one pattern; every refusal names the position (counted from 1)."""

    def __init__(self, text: str, repeat_limit: int) -> None:
        for character in text:
            if character == "\0" or 0xD800 <= ord(character) <= 0xDFFF:
                raise UnsafePattern("the pattern holds a NUL or half a character")
        self._text = text
        self._repeat_limit = repeat_limit
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        tree = self._alternatives()
        if self._at < len(self._text):
            raise self._error("a closing bracket without an opening one")
        return tree

    def _error(self, message: str) -> UnsafePattern:
        return UnsafePattern(f"{message} (at character {self._at + 1})")

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self, text: str) -> bool:
        if self._peek(text):
            self._at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise self._error("the pattern ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Alternatives(tuple(branches))

    def _sequence(self) -> Node:
        items: list[Node] = []
        while self._at < len(self._text) and not self._peek("|") and not self._peek(")"):
            item = self._repeated(self._atom())
            items.extend(item.items if isinstance(item, Sequence) else (item,))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _atom(self) -> Node:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return self._character_class()
        if character == ".":
            return Characters(NOT_LINE_FEED)
        if character in "^$":
            return Edge(character)
        if character in "*+?":
            self._at -= 1
            raise self._error("nothing to repeat")
        if character != "\\":
            return Characters(_codes(character))
        letter = self._text[self._at : self._at + 1]
        if letter in EDGES and letter:
            self._at += 1
            return Edge(EDGES[letter])
        return Characters(self._escape())

    def _group(self) -> Node:
        if self._peek("?") and not self._take("?:"):
            raise self._error("only plain groups ( ) and (?: ) are supported")
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self._error(f"groups are nested deeper than {DEPTH_LIMIT}")
        inner = self._alternatives()
        if not self._take(")"):
            raise self._error("a group is not closed")
        self._depth -= 1
        return inner

    def _repeated(self, body: Node) -> Node:
        count = self._count()
        if count is None:
            return body
        if isinstance(body, Edge):
            raise self._error("a position such as ^ cannot be repeated")
        low, high = count
        if not self._take("?") and self._peek("+"):
            raise self._error("possessive repeats are not supported")
        if self._count() is not None:
            raise self._error("a repeat of a repeat; use a group")
        if (low, high) == (1, 1):
            return body
        return Repeat(body, low, high)

    def _count(self) -> tuple[int, int | None] | None:
        for mark, count in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(mark):
                return count
        if not self._peek("{"):
            return None
        end = self._text.find("}", self._at)
        inside = self._text[self._at + 1 : max(end, self._at + 1)]
        low_text, comma, high_text = inside.partition(",")
        if not all(part.isascii() and (part.isdigit() or not part) for part in (low_text, high_text)):
            return None  # a plain brace
        if not low_text and not high_text:
            return None
        low = int(low_text or 0)
        high = low if not comma else int(high_text) if high_text else None
        if max(low, high or 0) > self._repeat_limit or (high is not None and high < low):
            raise self._error(f"repeats must ascend and stay within {self._repeat_limit}")
        self._at = end + 1
        return low, high

    def _escape(self) -> Ranges:
        """What follows a backslash, inside or outside a character class."""
        letter = self._next()
        if letter in CLASSES:
            return CLASSES[letter]
        if letter in CONTROLS:
            return _codes(CONTROLS[letter])
        if letter in HEX_DIGITS:
            digits = self._text[self._at : self._at + HEX_DIGITS[letter]]
            if len(digits) < HEX_DIGITS[letter] or not all(c in "0123456789abcdefABCDEF" for c in digits):
                raise self._error("an incomplete character code")
            code = int(digits, 16)
            if 0xD800 <= code <= 0xDFFF:
                raise self._error("half a character")
            self._at += len(digits)
            return ((code, code),)
        if letter.isdigit():
            raise self._error("references to groups are not supported")
        if letter.isalnum():
            raise self._error(f"\\{letter} is not supported")
        return _codes(letter)

    def _character_class(self) -> Node:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self._peek("]"):
            if self._peek("[:"):
                raise self._error("named character classes are not supported")
            ranges.extend(self._class_item())
            first = False
        self._next()
        chosen = merged(ranges)
        if negated:
            chosen = complement(chosen)
        if not chosen:
            raise self._error("a character class that nothing fits")
        return Characters(chosen)

    def _class_item(self) -> Ranges:
        low = self._class_character()
        if not self._peek("-") or self._text[self._at + 1 : self._at + 2] == "]":
            return low
        self._next()
        high = self._class_character()
        if low[0][0] != low[-1][1] or high[0][0] != high[-1][1] or high[0][0] < low[0][0]:
            raise self._error("a character range that does not ascend")
        return ((low[0][0], high[0][0]),)

    def _class_character(self) -> Ranges:
        character = self._next()
        if character != "\\":
            return _codes(character)
        if self._peek("b"):
            raise self._error("\\b has no place in a character class")
        return self._escape()
