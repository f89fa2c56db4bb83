"""The trace of a test's conditions as people read it: a sentence for each predicate, its state, and the user's value beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from audience.describing import describe_predicate
from audience.specs import Catalogue
from qa_tools.explaining import readable_value
from usersplit_sdk.trace import Absent, BracketTrace, ChainTrace, PredicateTrace, State, Trace

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ALL: Final = _("All of these")
ONE: Final = _("One of these")
_WORDS: Final = {State.TRUE: _("True"), State.FALSE: _("False"), State.NOT_EVALUATED: _("Not evaluated")}
_SEEN: Final = {
    "user": (_("The user has no value"), _("The user's value cannot be read"), _("The user has: %(value)s")),
    "request": (
        _("The request has no value"),
        _("The request's value cannot be read"),
        _("The request has: %(value)s"),
    ),
}
_COLOURS: Final = {State.TRUE: "green", State.FALSE: "red", State.NOT_EVALUATED: "secondary"}


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A predicate, or several lines together: brackets, or what AND binds within a list that has OR too.

    `joint` is the word before it ("", AND, OR). `seen` tells the value that was looked at, "" where nobody looked.
    `decided`: it was evaluated last, and so settled the answer.
    """

    joint: str
    path: str
    word: str
    colour: str
    sentence: str
    seen: str = ""
    decided: bool = False
    lines: tuple[TreeLine, ...] = ()


def tree_lines(trace: Trace, catalogue: Catalogue, *, is_marked: bool = True) -> tuple[TreeLine, ...]:
    """The lines of a whole tree; none for conditions that everyone meets. `is_marked`: say which one decided."""
    return _Lines(trace.decided if is_marked else None, catalogue).of_bracket(trace.root)


class _Lines:
    def __init__(self, decided: str | None, catalogue: Catalogue) -> None:
        self._decided = decided
        self._catalogue = catalogue

    def of_bracket(self, bracket: BracketTrace) -> tuple[TreeLine, ...]:
        if len(bracket.chains) == 1:
            return self._of_chain(bracket.chains[0], "")
        lines: list[TreeLine] = []
        for chain in bracket.chains:
            joint = "OR" if lines else ""
            inner = self._of_chain(chain, "" if len(chain.operands) > 1 else joint)
            if len(inner) > 1:
                inner = (self._together(joint, "", chain.state, ALL, inner),)
            lines += inner
        return tuple(lines)

    def _of_chain(self, chain: ChainTrace, first: str) -> tuple[TreeLine, ...]:
        return tuple(
            self._of_operand(item, "AND" if number else first) for number, item in enumerate(chain.operands)
        )

    def _of_operand(self, item: PredicateTrace | BracketTrace, joint: str) -> TreeLine:
        if isinstance(item, BracketTrace):
            words = ONE if len(item.chains) > 1 else ALL
            return self._together(joint, item.path, item.state, words, self.of_bracket(item))
        predicate = {"filter": item.filter, "operator": item.operator, "value": item.operand}
        return TreeLine(
            joint,
            item.path,
            str(_WORDS[item.state]),
            _COLOURS[item.state],
            describe_predicate(predicate, self._catalogue),
            _seen(item, self._catalogue),
            item.path == self._decided,
        )

    def _together(
        self, joint: str, path: str, state: State, words: StrOrPromise, lines: tuple[TreeLine, ...]
    ) -> TreeLine:
        decided = bool(path) and path == self._decided
        return TreeLine(
            joint, path, str(_WORDS[state]), _COLOURS[state], str(words), decided=decided, lines=lines
        )


def _seen(item: PredicateTrace, catalogue: Catalogue) -> str:
    missing, unreadable, has = _SEEN["user" if item.source == "user" else "request"]
    if item.seen is Absent.NOT_READ:
        return ""
    if item.seen is Absent.MISSING:
        return str(missing)
    if item.seen is Absent.UNREADABLE:
        return str(unreadable)
    return str(has) % {"value": readable_value(item.filter, item.seen, catalogue)}
