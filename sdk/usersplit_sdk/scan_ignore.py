"""Ignore files, as git reads them: which paths below a folder are left out.

Patterns are bytes, as paths are. Matching takes time in proportion to pattern and path whatever they hold; a
translation into one regular expression would let ``*a*a*a*…`` run for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

IGNORE_LIMIT = 1024 * 1024
"""Bytes of an ignore file that are read."""

_CLASSES: Mapping[bytes, Callable[[bytes], bool]] = {
    b"alnum": bytes.isalnum,
    b"alpha": bytes.isalpha,
    b"blank": lambda byte: byte in b" \t",
    b"cntrl": lambda byte: byte < b" " or byte == b"\x7f",
    b"digit": bytes.isdigit,
    b"graph": lambda byte: b"!" <= byte <= b"~",
    b"lower": bytes.islower,
    b"print": lambda byte: b" " <= byte <= b"~",
    b"punct": lambda byte: b"!" <= byte <= b"~" and not byte.isalnum(),
    b"space": lambda byte: byte in b" \t\n\r\v\f",
    b"upper": bytes.isupper,
    b"xdigit": lambda byte: byte in b"0123456789abcdefABCDEF",
}

_STAR, _SLASH = "star", "slash"
Token = frozenset[int] | str
"""The bytes that one place allows; or any number of bytes but slashes; or a slash."""
Segment = Callable[[bytes], bool]


class Rule(NamedTuple):
    """One line. ``segments`` match the parts of a path one by one, None any number of them."""

    segments: tuple[Segment | None, ...]
    negated: bool
    folders_only: bool
    anywhere: bool


class Rules(NamedTuple):
    """The lines of a folder's ignore files, how deep that folder is, and the rules of those above it."""

    rules: Sequence[Rule]
    depth: int = 0
    above: Rules | None = None

    def leave_out(self, parts: Sequence[bytes], *, is_folder: bool) -> bool:
        """Is the path (its parts from the outermost folder on) to be left out? The last line that matches decides."""
        level: Rules | None = self
        while level is not None:
            below = parts[level.depth :]
            for rule in reversed(level.rules):
                if (is_folder or not rule.folders_only) and _matches(rule, below):
                    return not rule.negated
            level = level.above
        return False


def parse_rules(body: bytes) -> list[Rule]:
    """The lines of an ignore file, without those that can match nothing."""
    rules = []
    for line in body[:IGNORE_LIMIT].removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        rule = None if line.startswith(b"#") else parse_rule(line.removesuffix(b"\r"))
        if rule is not None:
            rules.append(rule)
    return rules


def parse_rule(line: bytes) -> Rule | None:
    """One line; None if it can match nothing."""
    pattern = _without_trailing_spaces(line)
    negated = pattern.startswith(b"!")
    pattern = pattern[negated:]
    folders_only = pattern.endswith(b"/")
    pattern = pattern[: len(pattern) - folders_only]
    anywhere = b"/" not in pattern
    tokens = _tokens(pattern.removeprefix(b"/"))
    if not tokens:
        return None
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token == _SLASH:
            segments.append([])
        else:
            segments[-1].append(token)
    compiled = tuple(
        None if not anywhere and len(segment) > 1 and set(segment) == {_STAR} else _segment(segment)
        for segment in segments
    )
    return Rule(compiled, negated, folders_only, anywhere)


def _without_trailing_spaces(line: bytes) -> bytes:
    end = at = 0
    while at < len(line):
        if line[at : at + 1] == b"\\":
            at += 2
            end = min(at, len(line))
            continue
        at += 1
        if line[at - 1 : at] != b" ":
            end = at
    return line[:end]


# ---- matching ------------------------------------------------------------------------------------------------


def _matches(rule: Rule, parts: Sequence[bytes]) -> bool:
    segments = rule.segments
    if rule.anywhere:
        return segments[0] is not None and segments[0](parts[-1])
    # After a `**` the leftmost place that fits is as good as any other, so one place to go back to is enough.
    here = at = 0
    back: tuple[int, int] | None = None
    while at < len(parts):
        segment = segments[here] if here < len(segments) else _nothing
        if segment is None:
            if here == len(segments) - 1:
                return True
            back = (here + 1, at)
            here += 1
        elif segment(parts[at]):
            here, at = here + 1, at + 1
        elif back is not None:
            back = (back[0], back[1] + 1)
            here, at = back
        else:
            return False
    return here == len(segments)


def _nothing(part: bytes) -> bool:
    return False


def _segment(tokens: Sequence[Token]) -> Segment:
    """Matches one part of a path: runs of single places, between which any number of bytes may stand."""
    runs: list[list[bytes]] = [[]]
    for token in tokens:
        if isinstance(token, str):
            runs.append([])
        else:
            runs[-1].append(_one_of(token))
    if len(runs) == 1:
        return _whole(b"".join(runs[0]))
    if len(runs) == 2:
        return _whole(b"".join(runs[0]) + b".*" + b"".join(runs[1]))
    return _Runs([(re.compile(b"".join(run), re.DOTALL), len(run)) for run in runs]).matches


def _whole(pattern: bytes) -> Segment:
    fullmatch = re.compile(pattern, re.DOTALL).fullmatch
    return lambda part: fullmatch(part) is not None


class _Runs(NamedTuple):
    runs: Sequence[tuple[re.Pattern[bytes], int]]

    def matches(self, part: bytes) -> bool:
        """The first run at the beginning, the last at the end, each other at the leftmost place that is left."""
        (first, start), (last, length) = self.runs[0], self.runs[-1]
        if first.match(part) is None:
            return False
        for run, _ in self.runs[1:-1]:
            found = run.search(part, start)
            if found is None:
                return False
            start = found.end()
        return len(part) - length >= start and last.fullmatch(part, len(part) - length) is not None


def _one_of(allowed: frozenset[int]) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % byte for byte in sorted(allowed)) + b"]"


# ---- reading patterns ----------------------------------------------------------------------------------------

_NO_SLASH = frozenset(range(256)) - {ord("/")}


def _tokens(pattern: bytes) -> list[Token]:
    """The pattern's places; empty if it can match nothing."""
    tokens: list[Token] = []
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        at += 1
        if byte == b"*":
            tokens.append(_STAR)
        elif byte == b"?":
            tokens.append(_NO_SLASH)
        elif byte == b"[":
            allowed, at = _bracket(pattern, at)
            if not allowed:
                return []
            tokens.append(allowed)
        else:
            if byte == b"\\":
                byte = pattern[at : at + 1]
                at += 1
            if not byte:
                return []
            tokens.append(_SLASH if byte == b"/" else frozenset(byte))
    return tokens


def _bracket(pattern: bytes, at: int) -> tuple[frozenset[int], int]:
    """What ``[…]`` allows, and where it ends; nothing if it does not."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    allowed: set[int] = set()
    first = True
    while pattern[at : at + 1] != b"]" or first:
        first = False
        named = re.compile(rb"\[:([^:\]]*):\]").match(pattern, at)
        if named is not None:
            inside = _CLASSES.get(named[1])
            if inside is None:
                return frozenset(), len(pattern)
            allowed |= {byte for byte in range(128) if inside(bytes((byte,)))}
            at = named.end()
            continue
        low, at = _place(pattern, at)
        high = low
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"]", b""):
            high, at = _place(pattern, at + 1)
        if low is None or high is None:
            return frozenset(), len(pattern)
        allowed |= set(range(low, high + 1))
    return (_NO_SLASH - allowed if negated else frozenset(allowed) & _NO_SLASH), at + 1


def _place(pattern: bytes, at: int) -> tuple[int | None, int]:
    at += pattern[at : at + 1] == b"\\"
    return (pattern[at] if at < len(pattern) else None), at + 1
