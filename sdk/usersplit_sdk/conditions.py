"""Condition trees, compiled once into closures.

A compiled node answers with a pair: whether it is met, and the path of the predicate that was evaluated last,
which is the one that decided. The pairs are made when compiling, so that a path costs nothing in a check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.operators import OPERATORS, InvalidOperand

DEPTH_LIMIT = 32
PREDICATE_LIMIT = 10_000

Attributes = Mapping[str, object]
Outcome = tuple[bool, str]
Condition = Callable[[Attributes, Attributes, datetime], Outcome]
"""Takes the user's attributes (empty for a guest), the request's, and the time."""


def compile_conditions(tree: object, path: str = "conditions") -> Condition:
    """Compile a tree in the delivered (typed) form; raises ``InvalidDocument`` naming the path of the fault."""
    return _Compiler().group(tree, path, depth=0)


class _Compiler:
    def __init__(self) -> None:
        self._predicates = 0

    def group(self, items: object, path: str, depth: int) -> Condition:
        if not isinstance(items, list):
            raise InvalidDocument(path, "must be a list")
        if depth > DEPTH_LIMIT:
            raise InvalidDocument(path, f"brackets are nested deeper than {DEPTH_LIMIT}")
        if not items:
            always = (True, path)
            return lambda user, environment, now: always
        if len(items) % 2 == 0:
            raise InvalidDocument(
                path, "must alternate between operands and AND or OR, and end with an operand"
            )
        chains: list[list[Condition]] = [[]]
        for index, item in enumerate(items):
            place = f"{path}[{index}]"
            if index % 2 == 0:
                chains[-1].append(self._operand(item, place, depth))
            elif item == "OR":
                chains.append([])
            elif item != "AND":
                raise InvalidDocument(place, "must be AND or OR")
        return _any_chain([_whole_chain(chain) for chain in chains])

    def _operand(self, item: object, path: str, depth: int) -> Condition:
        if isinstance(item, list):
            return self.group(item, path, depth + 1)
        if not isinstance(item, dict):
            raise InvalidDocument(path, "must be a predicate or a list in brackets")
        self._predicates += 1
        if self._predicates > PREDICATE_LIMIT:
            raise InvalidDocument("conditions", f"there are more than {PREDICATE_LIMIT} predicates")
        return _compile_predicate(item, path)


def _whole_chain(operands: list[Condition]) -> Condition:
    """AND, from left to right, until one is not met."""
    if len(operands) == 1:
        return operands[0]
    *first, last = operands

    def all_met(user: Attributes, environment: Attributes, now: datetime) -> Outcome:
        for operand in first:
            outcome = operand(user, environment, now)
            if not outcome[0]:
                return outcome
        return last(user, environment, now)

    return all_met


def _any_chain(chains: list[Condition]) -> Condition:
    """OR, from left to right, until one is met."""
    if len(chains) == 1:
        return chains[0]
    *first, last = chains

    def any_met(user: Attributes, environment: Attributes, now: datetime) -> Outcome:
        for chain in first:
            outcome = chain(user, environment, now)
            if outcome[0]:
                return outcome
        return last(user, environment, now)

    return any_met


def _compile_predicate(predicate: Mapping[object, object], path: str) -> Condition:
    name, source, operator_name = (predicate.get(part) for part in ("filter", "source", "operator"))
    if not isinstance(name, str) or not name:
        raise InvalidDocument(f"{path}.filter", "must be the name of a filter")
    if source not in ("user", "environment"):
        raise InvalidDocument(f"{path}.source", "must be user or environment")
    operator = OPERATORS.get(operator_name) if isinstance(operator_name, str) else None
    if operator is None:
        raise InvalidDocument(f"{path}.operator", "is not a known operator")
    filter_type = predicate.get("type")
    try:
        compare = operator.build(
            predicate.get("value"), filter_type if isinstance(filter_type, str) else None
        )
    except InvalidOperand as problem:
        raise InvalidDocument(f"{path}.value", str(problem)) from None
    yes, no = (True, path), (False, path)
    of_user = source == "user"
    missing = yes if operator.name == "is_not_set" else no

    def evaluate(user: Attributes, environment: Attributes, now: datetime) -> Outcome:
        try:
            value = user.get(name) if of_user else environment.get(name)
            if value is None:
                return missing
            return yes if compare(value, now) else no
        except Exception:  # noqa: BLE001 - a host's mapping or value may do anything; then it does not match
            return no

    return evaluate
