"""Condition trees: checked when a file is read, turned into Python code when they are first needed.

Three forms come out of the same checked tree. The *plain* one is an expression that says whether the conditions are
met. The *traced* one also tells the path of the predicate that was evaluated last, which is the one that decided,
and takes an exception in a predicate for "not met". The *watched* one does so too, and tells of every predicate and
bracket that it evaluates. Nothing of a file ever becomes code: all it holds is bound to names, and the source is made
of those names and of what stands in the table of operators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, cast

from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.operators import NAMES, OPERATORS, Comparison, InvalidOperand

DEPTH_LIMIT = 32
BUNDLE = 64
"""Operands in one expression at most."""
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
PREDICATE_LIMIT = 10_000

Attributes = Mapping[str, object]
Outcome = tuple[bool, str]
Condition = Callable[[Attributes, Attributes, datetime], Outcome]
"""Takes the user's attributes (empty for a guest), the request's, and the time."""
UNREADABLE = object()
"""Stands for the value that a host's mapping failed to give."""
Note = Callable[..., bool]
"""``(path, met)`` of a bracket, ``(path, met, value)`` of a predicate, in the order of evaluation; answers ``met``."""
Watched = Callable[[Attributes, Attributes, datetime, Note], bool]
"""Like ``Condition``, and tells ``Note``."""


class Predicate(NamedTuple):
    """One comparison of an attribute, of the user's or else of the request's; ``operator`` and ``operand`` as written."""

    name: str
    of_user: bool
    comparison: Comparison
    path: str
    operator: str
    operand: object


class Group(NamedTuple):
    """A list in brackets: one of ``chains`` must be met, a chain by every operand in it. None at all: always met."""

    chains: tuple[tuple[Predicate | Group, ...], ...]
    path: str


class Conditions(NamedTuple):
    """A checked tree, and what its evaluation will read."""

    root: Group
    predicates: tuple[Predicate, ...]

    @property
    def timed(self) -> bool:
        """Does any predicate look at the time?"""
        return any(predicate.comparison.timed for predicate in self.predicates)


# ---- reading -------------------------------------------------------------------------------------------------


def parse_conditions(tree: object) -> Conditions:
    """Check a tree in the delivered (typed) form; raises ``InvalidDocument`` naming the path of the fault."""
    predicates: list[Predicate] = []
    return Conditions(_parse_group(tree, "conditions", 0, predicates), tuple(predicates))


def _parse_group(items: object, path: str, depth: int, found: list[Predicate]) -> Group:
    if not isinstance(items, list):
        raise InvalidDocument(path, "must be a list")
    if depth > DEPTH_LIMIT:
        raise InvalidDocument(path, f"brackets are nested deeper than {DEPTH_LIMIT}")
    if not items:
        return Group((), path)
    if len(items) % 2 == 0:
        raise InvalidDocument(path, "must alternate between operands and AND or OR, and end with an operand")
    chains: list[list[Predicate | Group]] = [[]]
    for index, item in enumerate(items):
        place = f"{path}[{index}]"
        if index % 2 == 0:
            chains[-1].append(_parse_operand(item, place, depth, found))
        elif item == "OR":
            chains.append([])
        elif item != "AND":
            raise InvalidDocument(place, "must be AND or OR")
    return Group(tuple(map(tuple, chains)), path)


def _parse_operand(item: object, path: str, depth: int, found: list[Predicate]) -> Predicate | Group:
    if isinstance(item, list):
        return _parse_group(item, path, depth + 1, found)
    if not isinstance(item, dict):
        raise InvalidDocument(path, "must be a predicate or a list in brackets")
    if len(found) == PREDICATE_LIMIT:
        raise InvalidDocument("conditions", f"there are more than {PREDICATE_LIMIT} predicates")
    found.append(_parse_predicate(item, path))
    return found[-1]


def _parse_predicate(item: Mapping[object, object], path: str) -> Predicate:
    name, source, operator_name = item.get("filter"), item.get("source"), item.get("operator")
    if not isinstance(name, str) or not name:
        raise InvalidDocument(f"{path}.filter", "must be the name of a filter")
    if source not in ("user", "environment"):
        raise InvalidDocument(f"{path}.source", "must be user or environment")
    operator = OPERATORS.get(operator_name) if isinstance(operator_name, str) else None
    if operator is None:
        raise InvalidDocument(f"{path}.operator", "is not a known operator")
    filter_type = item.get("type")
    try:
        comparison = operator.build(item.get("value"), filter_type if isinstance(filter_type, str) else None)
    except InvalidOperand as problem:
        raise InvalidDocument(f"{path}.value", str(problem)) from None
    return Predicate(name, source == "user", comparison, path, operator.name, item.get("value"))


# ---- writing -------------------------------------------------------------------------------------------------


class Names:
    """The namespace of generated code: every value gets a name of its own, there are no builtins."""

    def __init__(self) -> None:
        self.bound: dict[str, object] = dict(NAMES)

    def bind(self, value: object) -> str:
        """The new name of a value."""
        name = f"x{len(self.bound)}"
        self.bound[name] = value
        return name


def write_plain(conditions: Conditions, names: Names) -> str:
    """An expression of ``profile``, ``environment`` (mappings) and ``moment``: are the conditions met?

    It raises what the mappings and values of the host application raise.
    """
    return _Plain(names).group(conditions.root)


def compile_traced(conditions: Conditions) -> Condition:
    """The traced form; never raises."""
    return _Traced(Names()).function(conditions.root)


def compile_watched(conditions: Conditions) -> Watched:
    """The watched form; never raises."""
    return _Watched(Names()).function(conditions.root)


def compile_conditions(tree: object) -> Condition:
    """The traced form of a tree that has not been checked; raises ``InvalidDocument``."""
    return compile_traced(parse_conditions(tree))


def define(name: str, lines: Iterable[str], names: Names) -> Callable[..., object]:
    """The function that ``lines`` define, its names bound to their values.

    They are bound as variables of a closure: tests of one shape then share their code, and it is compiled once.
    """
    source = "\n".join(f"    {line}" for line in lines)
    used = [word for word in dict.fromkeys(_WORD.findall(source)) if word in names.bound]
    source = f"def make({', '.join(used)}):\n{source}\n    return {name}"
    return cast(Callable[..., object], _compiled(source)(*map(names.bound.__getitem__, used)))


@lru_cache(maxsize=512)
def _compiled(source: str) -> Callable[..., object]:
    namespace: dict[str, object] = {"__builtins__": {}}
    exec(compile(source, "<test file>", "exec"), namespace)  # noqa: S102 - see the head of this module
    return cast(Callable[..., object], namespace["make"])


class _Plain:
    """Writes a tree as one expression of ``profile``, ``environment`` and ``moment``."""

    arguments = "profile, environment, moment"

    def __init__(self, names: Names) -> None:
        self.names = names

    def group(self, group: Group) -> str:
        """A list of operands; AND binds tighter."""
        if not group.chains:
            return self.empty(group)
        return self.join(
            " or ", [self.join(" and ", list(map(self.operand, chain))) for chain in group.chains]
        )

    def operand(self, item: Predicate | Group) -> str:
        """In brackets, so that it may stand anywhere."""
        return f"({self.predicate(item) if isinstance(item, Predicate) else self.group(item)})"

    def join(self, word: str, parts: list[str]) -> str:
        """Very many parts become functions of some each: compiling holds up all threads, so it is done bit by bit."""
        while len(parts) > BUNDLE:
            parts = [self.call(word.join(parts[at : at + BUNDLE])) for at in range(0, len(parts), BUNDLE)]
        return word.join(parts)

    def predicate(self, predicate: Predicate) -> str:
        """One comparison."""
        read = f"{'profile' if predicate.of_user else 'environment'}.get({self.names.bind(predicate.name)})"
        return _fill(predicate.comparison, self.names, read)

    def empty(self, group: Group) -> str:
        """A list of nothing is met."""
        return "True"

    def call(self, expression: str) -> str:
        """The expression made a function, and called."""
        part = define("part", [f"def part({self.arguments}): return {expression}"], self.names)
        return f"{self.names.bind(part)}({self.arguments})"


class _Traced(_Plain):
    """The same, with the path of what is evaluated in ``decided``; a predicate that raises is not met."""

    def function(self, group: Group) -> Condition:
        """The whole tree."""
        return self.define(self.group(group))

    def predicate(self, predicate: Predicate) -> str:
        ask, path = self.names.bind(_guarded(predicate)), self.names.bind(predicate.path)
        return f"{ask}({self.arguments}) if (decided := {path}) else False"

    def empty(self, group: Group) -> str:
        return f"(decided := {self.names.bind(group.path)}) is not None"

    def call(self, expression: str) -> str:
        part = self.names.bind(self.define(expression))
        return f"(decided := (pair := {part}({self.arguments}))[1]) is not None and pair[0]"

    def define(self, expression: str) -> Condition:
        """A function that answers with (met, decided)."""
        lines = [f"def traced({self.arguments}):", f"    met = {expression}", "    return met, decided"]
        return cast(Condition, define("traced", lines, self.names))


class _Watched(_Plain):
    """The same, and ``note`` hears of all that is evaluated; a predicate that raises is not met."""

    arguments = "profile, environment, moment, note"

    def function(self, group: Group) -> Watched:
        """The whole tree."""
        lines = [f"def watched({self.arguments}): return {self.group(group)}"]
        return cast(Watched, define("watched", lines, self.names))

    def group(self, group: Group) -> str:
        return f"note({self.names.bind(group.path)}, {super().group(group)})"

    def predicate(self, predicate: Predicate) -> str:
        return f"{self.names.bind(_guarded(predicate))}({self.arguments})"


def _fill(comparison: Comparison, names: Names, read: str) -> str:
    """The comparison's source, with ``read`` where the value is read first, and its names bound."""
    again = "{v}" in comparison.source
    fields = {name: names.bind(value) for name, value in comparison.names.items()}
    return comparison.source.format(V=f"(v := {read})" if again else read, v="v", t="moment", **fields)


def _guarded(predicate: Predicate) -> Callable[..., bool]:
    """``(profile, environment, moment, note=None)`` → is it met? A predicate that raises is not."""
    names = Names()
    source = _fill(predicate.comparison, names, "value")
    compare = define("compare", [f"def compare(value, moment): return {source}"], names)
    name, of_user, path = predicate.name, predicate.of_user, predicate.path

    def ask(profile: Attributes, environment: Attributes, moment: datetime, note: Note | None = None) -> bool:
        value: object = UNREADABLE
        try:
            value = profile.get(name) if of_user else environment.get(name)
            met = bool(compare(value, moment))
        except Exception:  # noqa: BLE001 - a host's mapping or value may do anything; then it does not match
            met = False
        if note is not None:
            note(path, met, value)
        return met

    return ask
