"""A traced tree of conditions as lines: what was true, what was false, and what nobody had to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from usersplit_sdk.operators import OPERATORS
from usersplit_sdk.trace import Absent, BracketTrace, ChainTrace, PredicateTrace, State, Trace, plain_value

_SHOWN = 60
Row = Mapping[str, object]


def tree_rows(trace: Trace) -> list[Row]:
    """A row for every predicate and for every bracket; what AND binds together is a bracket as well."""
    if trace.error is not None:
        return [_row(State.NOT_EVALUATED, trace.error, None, None, 0)]
    return list(_bracket(trace.root, 0))


def _bracket(bracket: BracketTrace, depth: int) -> Iterator[Row]:
    if not bracket.chains:
        yield _row(bracket.state, "always", None, bracket.path, depth)
    elif len(bracket.chains) == 1:
        yield from _chain(bracket.chains[0], bracket.path, depth)
    else:
        yield _row(bracket.state, "any of", None, bracket.path, depth)
        for chain in bracket.chains:
            if len(chain.operands) == 1:
                yield from _operand(chain.operands[0], depth + 1)
            else:
                yield from _chain(chain, None, depth + 1)


def _chain(chain: ChainTrace, path: str | None, depth: int) -> Iterator[Row]:
    yield _row(chain.state, "all of", None, path, depth)
    for operand in chain.operands:
        yield from _operand(operand, depth + 1)


def _operand(operand: PredicateTrace | BracketTrace, depth: int) -> Iterator[Row]:
    if isinstance(operand, BracketTrace):
        yield from _bracket(operand, depth)
        return
    condition = f"{operand.filter} {OPERATORS[operand.operator].label}"
    if operand.operand is not None:
        condition += f" {shown(operand.operand)}"
    yield _row(operand.state, condition, _value(operand), operand.path, depth)


def _value(operand: PredicateTrace) -> str | None:
    if operand.seen is Absent.NOT_READ:
        return None
    whose = "user" if operand.source == "user" else "request"
    if operand.seen is Absent.MISSING:
        return f"the {whose} has none"
    if operand.seen is Absent.UNREADABLE:
        return f"the {whose}'s cannot be read"
    return f"the {whose}'s is {shown(plain_value(operand.seen))}"


def _row(state: State, condition: str, value: str | None, path: str | None, depth: int) -> Row:
    return {
        "state": str(state).replace("_", " "),
        "condition": "  " * depth + condition,
        "value": value,
        "path": path,
    }


def shown(value: object) -> str:
    """A value of a test file or of the command line, as JSON, not too long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
