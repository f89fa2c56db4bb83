"""Conditions as they were evaluated: every predicate and bracket with its state, and the values that were seen.

Nothing is evaluated here. The tree's watched form is made of the predicates, the precedence and the short cuts that
decide a check, and tells what it looks at; the rest was not evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from itertools import islice
from math import isfinite
from reprlib import Repr
from typing import NamedTuple

from usersplit_sdk.client import Client
from usersplit_sdk.conditions import (
    UNREADABLE,
    Conditions,
    Group,
    Predicate,
    compile_watched,
    parse_conditions,
)
from usersplit_sdk.engine import read_subject
from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.model import Decision, Environment, User
from usersplit_sdk.values import asked_nanoseconds, from_nanoseconds

TEXT_LIMIT = 500
"""Characters of a value that ``as_json`` shows."""
ITEMS_LIMIT = 50
"""So many items of a list."""
_PLAIN_NUMBER = 2**53


class State(str, Enum):
    """What evaluation found of a predicate, a chain or a bracket."""

    TRUE = "true"
    FALSE = "false"
    NOT_EVALUATED = "not_evaluated"

    def __str__(self) -> str:
        return self.value


class Absent(Enum):
    """Stands where a predicate saw no value: there is none, reading it failed, or nobody looked."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_READ = "not_read"


class PredicateTrace(NamedTuple):
    """A predicate as the test file has it, and what it found: ``seen`` is the host's value itself, or an ``Absent``.

    ``source`` is ``user`` or ``environment``, ``operand`` what the file compares the value with (None: nothing).
    """

    path: str
    state: State
    filter: str
    source: str
    operator: str
    operand: object
    seen: object


class ChainTrace(NamedTuple):
    """Operands with AND between them: all must be true."""

    state: State
    operands: tuple[PredicateTrace | BracketTrace, ...]


class BracketTrace(NamedTuple):
    """Chains with OR between them: one must be true. The whole tree is a bracket too; one without chains is true."""

    path: str
    state: State
    chains: tuple[ChainTrace, ...] = ()


class Trace(NamedTuple):
    """One evaluation of a whole tree.

    ``decided`` is the path of what was evaluated last, which is what decided; of conditions that are not met it is the
    ``detail`` of the decision. ``error`` names the place of the fault in a tree that cannot be used; nothing was
    evaluated then.
    """

    met: bool
    root: BracketTrace
    decided: str | None = None
    error: str | None = None

    def predicates(self) -> Iterator[PredicateTrace]:
        """All predicates, in the order in which they are written."""
        yield from _predicates(self.root)

    def as_json(self) -> dict[str, object]:
        """The tree as JSON, ``kind`` being ``bracket`` or ``predicate``.

        Of values that JSON does not know, and of long ones, ``seen`` is a text that shows them; it is null, and
        ``absent`` says why, where there was none.
        """
        return {
            "met": self.met,
            "decided": self.decided,
            "error": self.error,
            "conditions": _bracket_as_json(self.root),
        }


class TracedDecision(NamedTuple):
    """A decision, and the conditions behind it: None without a usable test. They are evaluated even where the decision
    did not come to them (somebody is forced, a test is paused)."""

    decision: Decision
    conditions: Trace | None


# ---- tracing ---------------------------------------------------------------------------------------------------


def trace_conditions(
    conditions: Conditions | object,
    user: User | None = None,
    environment: Environment | None = None,
    now: datetime | None = None,
) -> Trace:
    """Evaluate a tree for a user (None: a guest) and a request, and tell all that was looked at.

    ``conditions`` are those of a test file, or of a ``CompiledTest``; ``now`` is the time asked about (without an
    offset: UTC). Never raises.
    """
    if not isinstance(conditions, Conditions):
        try:
            conditions = parse_conditions(conditions)
        except InvalidDocument as problem:
            return Trace(False, BracketTrace("conditions", State.NOT_EVALUATED), error=str(problem))
        except (RecursionError, MemoryError) as problem:
            fault = f"conditions: cannot be held ({type(problem).__name__})"
            return Trace(False, BracketTrace("conditions", State.NOT_EVALUATED), error=fault)
    subject = read_subject(user, environment)
    notes = _Notes()
    moment = from_nanoseconds(asked_nanoseconds(now))
    met = compile_watched(conditions)(subject.profile, subject.environment, moment, notes.take)
    return Trace(met, notes.bracket(conditions.root), notes.decided(conditions.root))


def trace_decision(
    client: Client,
    key: str,
    user: User | None = None,
    request: Environment | None = None,
    *,
    now: datetime | None = None,
) -> TracedDecision:
    """What ``client.explain`` answers, with the conditions of the same version of the test. Never raises."""
    view, at = client._view, from_nanoseconds(asked_nanoseconds(now))  # noqa: SLF001 - one view for both answers
    test = view.test(key)
    decision = client._careful.decide(view, key, user, request, asked_nanoseconds(at))  # noqa: SLF001
    trace = None if test is None else trace_conditions(test.test.conditions, user, request, at)
    return TracedDecision(decision, trace)


class _Notes:
    """What one evaluation told, by path."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[bool, object]] = {}

    def take(self, path: str, met: bool, value: object = None) -> bool:
        """The watched form calls this of all that it evaluates."""
        self._taken[path] = met, value
        return met

    def bracket(self, group: Group) -> BracketTrace:
        chains = tuple(self._chain(chain) for chain in group.chains)
        return BracketTrace(group.path, self._state(group.path), chains)

    def decided(self, root: Group) -> str | None:
        """What was evaluated last: a bracket is told of after its operands, unless it has none."""
        leaves = set(_leaves(root))
        return next((path for path in reversed(self._taken) if path in leaves), None)

    def _chain(self, items: tuple[Predicate | Group, ...]) -> ChainTrace:
        operands = tuple(
            self._predicate(item) if isinstance(item, Predicate) else self.bracket(item) for item in items
        )
        states = {operand.state for operand in operands}
        # Nothing is skipped in a chain but behind an operand that is false.
        unlike = states - {State.TRUE}
        state = State.FALSE if State.FALSE in states else State.NOT_EVALUATED if unlike else State.TRUE
        return ChainTrace(state, operands)

    def _predicate(self, item: Predicate) -> PredicateTrace:
        state = self._state(item.path)
        seen: object = Absent.NOT_READ
        if state is not State.NOT_EVALUATED:
            seen = self._taken[item.path][1]
            seen = Absent.MISSING if seen is None else Absent.UNREADABLE if seen is UNREADABLE else seen
        source = "user" if item.of_user else "environment"
        return PredicateTrace(item.path, state, item.name, source, item.operator, item.operand, seen)

    def _state(self, path: str) -> State:
        note = self._taken.get(path)
        return State.NOT_EVALUATED if note is None else State.TRUE if note[0] else State.FALSE


def _leaves(group: Group) -> Iterator[str]:
    if not group.chains:
        yield group.path
    for chain in group.chains:
        for item in chain:
            if isinstance(item, Predicate):
                yield item.path
            else:
                yield from _leaves(item)


def _predicates(bracket: BracketTrace) -> Iterator[PredicateTrace]:
    for chain in bracket.chains:
        for item in chain.operands:
            if isinstance(item, PredicateTrace):
                yield item
            else:
                yield from _predicates(item)


# ---- telling ---------------------------------------------------------------------------------------------------


def _bracket_as_json(bracket: BracketTrace) -> dict[str, object]:
    return {
        "kind": "bracket",
        "path": bracket.path,
        "state": bracket.state.value,
        "chains": [
            {"state": chain.state.value, "operands": [_operand_as_json(item) for item in chain.operands]}
            for chain in bracket.chains
        ],
    }


def _operand_as_json(item: PredicateTrace | BracketTrace) -> dict[str, object]:
    if isinstance(item, BracketTrace):
        return _bracket_as_json(item)
    # Of an exact class: isinstance would ask a host's object for its own.
    absent = item.seen if type(item.seen) is Absent else None
    return {
        "kind": "predicate",
        "path": item.path,
        "state": item.state.value,
        "filter": item.filter,
        "source": item.source,
        "operator": item.operator,
        "value": item.operand,
        "seen": None if absent is not None else plain_value(item.seen),
        "absent": None if absent is None else absent.value,
    }


def plain_value(value: object, depth: int = 2) -> object:
    """The value as JSON has it, texts and lists cut to a bearable size; what JSON does not know as a text that shows it.

    It is the host's object, so whatever it says of itself may fail.
    """
    try:
        if value is None or type(value) is bool:
            return value
        if isinstance(value, str):
            return _cut(str.__str__(value))
        if isinstance(value, int) and -_PLAIN_NUMBER <= value <= _PLAIN_NUMBER:
            return int(value)
        if isinstance(value, float) and isfinite(value):
            return float(value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, (list, tuple)) and depth:
            shown = [plain_value(item, depth - 1) for item in islice(value, ITEMS_LIMIT)]
            return shown if len(value) <= ITEMS_LIMIT else [*shown, f"… {len(value)} items"]
        return _cut(Repr().repr(value))
    except Exception:  # noqa: BLE001 - see above
        return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"
