"""What changed inside a text, by words: pure, and quick whatever it is given.

Sentences are compared first, then the words of those that differ. What is too long or too much alike within itself to be
compared in a moment counts as replaced as a whole, so that the answer is always right and sometimes coarse.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby
from typing import Final

# Japanese and Chinese have no spaces between words: there each character stands for itself.
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+|\s+|.", re.DOTALL)
_SENTENCE: Final = re.compile(r"[^\n.!?;。！？]*[\n.!?;。！？]+\s*|[^\n.!?;。！？]+")
_MOST_PARTS: Final = 1_000
# How many pairs of equal parts all comparisons of two texts may have together: the work grows with them.
_MOST_PAIRS: Final = 20_000
# Between two changes so little is no island to rest on.
_ISLAND: Final = re.compile(r"\W{0,3}", re.DOTALL)


class Mark(StrEnum):
    """What became of a piece. CUT stands for text that is the same and is left out."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; of a CUT one, `text` is what is left out."""

    mark: Mark
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """The pieces of both texts in order: without the NEW ones they are `before`, without the GONE ones `after`."""
    pieces = list(_compare(before, after, (_SENTENCE.findall, _WORD.findall), _Budget()))
    return _merged(_without_islands(_merged(pieces)))


def has_common_words(pieces: Sequence[Piece]) -> bool:
    """Whether anything worth reading stayed: between two texts that have nothing in common, marks only make noise."""
    return any(piece.mark is Mark.SAME and re.search(r"\w", piece.text) for piece in pieces)


def shortened(pieces: Sequence[Piece], around: int = 80, least: int = 60) -> list[Piece]:
    """The same, with stretches that did not change cut down to `around` characters beside each change, at spaces.

    Nothing shorter than `least` characters is left out, and nothing at all where nothing changed.
    """
    if all(piece.mark is Mark.SAME for piece in pieces):
        return list(pieces)
    short: list[Piece] = []
    for index, piece in enumerate(pieces):
        if piece.mark is not Mark.SAME:
            short.append(piece)
            continue
        head = _head(piece.text, around) if index else ""
        tail = _tail(piece.text, around) if index < len(pieces) - 1 else ""
        left_out = piece.text[len(head) : len(piece.text) - len(tail)]
        if len(head) + len(tail) >= len(piece.text) or len(left_out) < least:
            short.append(piece)
        else:
            parts = ((Mark.SAME, head), (Mark.CUT, left_out), (Mark.SAME, tail))
            short += [Piece(mark, text) for mark, text in parts if text]
    return short


def _head(text: str, most: int) -> str:
    """At most `most` characters from the beginning, ending between two words if there are any."""
    cut = text[:most]
    space = max(cut.rfind(" "), cut.rfind("\n"))
    return cut[: space + 1] if space > most // 2 else cut


def _tail(text: str, most: int) -> str:
    cut = text[-most:]
    spaces = [place for place in (cut.find(" "), cut.find("\n")) if place >= 0]
    return cut[min(spaces) :] if spaces and min(spaces) < most // 2 else cut


class _Budget:
    """What is left of the pairs that one answer may cost."""

    def __init__(self) -> None:
        self._pairs = _MOST_PAIRS

    def allows(self, first: Sequence[str], second: Sequence[str]) -> bool:
        """Whether the two may be compared; what that costs is taken."""
        if len(first) + len(second) > 2 * _MOST_PARTS:
            return False
        there = Counter(part for part in second if not part.isspace())
        # A look at every part costs something as well.
        cost = sum(there[part] for part in first) + len(first) + len(second)
        if cost > self._pairs:
            return False
        self._pairs -= cost
        return True


def _compare(
    before: str, after: str, splits: Sequence[Callable[[str], list[str]]], budget: _Budget
) -> Iterator[Piece]:
    """By the parts that the first of `splits` makes, then what differs by those of the next."""
    if before == after or not splits:
        yield from _replaced(before, after)
        return
    split, *finer = splits
    old, new = split(before), split(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    yield Piece(Mark.SAME, "".join(old[:start]))
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if budget.allows(middle_old, middle_new):
        matcher = SequenceMatcher(str.isspace, middle_old, middle_new, autojunk=False)
        for _, first, last, new_first, new_last in matcher.get_opcodes():
            yield from _compare(
                "".join(middle_old[first:last]), "".join(middle_new[new_first:new_last]), finer, budget
            )
    else:
        yield from _compare("".join(middle_old), "".join(middle_new), finer, budget)
    yield Piece(Mark.SAME, "".join(old[len(old) - end :]))


def _replaced(before: str, after: str) -> Iterator[Piece]:
    if before == after:
        yield Piece(Mark.SAME, before)
    else:
        yield Piece(Mark.GONE, before)
        yield Piece(Mark.NEW, after)


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many parts the two have in common from the beginning."""
    for index, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return index
    return min(len(first), len(second))


def _without_islands(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """A space or a comma that stayed between two changes goes with them: whoever reads sees one change."""
    last = len(pieces) - 1
    for index, piece in enumerate(pieces):
        inside = 0 < index < last
        if piece.mark is Mark.SAME and inside and _ISLAND.fullmatch(piece.text):
            yield Piece(Mark.GONE, piece.text)
            yield Piece(Mark.NEW, piece.text)
        else:
            yield piece


def _merged(pieces: Sequence[Piece] | Iterator[Piece]) -> list[Piece]:
    """Between two stretches that stayed at most one piece that is gone, then one that is new."""
    merged: list[Piece] = []
    for is_same, run in groupby(pieces, key=lambda piece: piece.mark is Mark.SAME):
        together = list(run)
        for mark in (Mark.SAME,) if is_same else (Mark.GONE, Mark.NEW):
            text = "".join(piece.text for piece in together if piece.mark is mark)
            if text:
                merged.append(Piece(mark, text))
    return merged
