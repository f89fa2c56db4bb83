"""Conditions as they are asked of one generation. Most are asked again and again, and compiling one costs about as much as
counting it from kept matches: what it comes to is remembered, without the expression itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from audience.compiling import Compiled, compile_conditions, is_always
from audience.specs import Catalogue, FilterType
from audience.warehouse.kept_matches import digest_of

_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a condition comes to: see `kept_matches.digest_of` and `compiling.Compiled`. `everyone` if it is always met."""

    digest: str
    everyone: bool
    not_counted: tuple[str, ...]


class Conditions:
    """Compiles for a catalogue, the columns of a generation, and a moment."""

    def __init__(self, catalogue: Catalogue, columns: Mapping[str, FilterType], now: dt.datetime) -> None:
        self.catalogue = catalogue
        self.columns = columns
        self.now = now
        ground = [
            sorted((spec.name, spec.column, spec.type) for spec in catalogue.values()),
            sorted(columns.items()),
            now.astimezone(dt.UTC).isoformat(),
        ]
        self._ground = json.dumps(ground)

    def asked(self, tree: object) -> Asked:
        text = json.dumps([tree, self._ground], default=repr)
        key = hashlib.sha256(text.encode()).digest()
        meaning = _recall(key)
        if meaning is not None:
            return Asked(self, tree, meaning)
        compiled = self.compile(tree)
        meaning = Meaning(
            digest_of(compiled.expression), is_always(compiled.expression), compiled.not_counted
        )
        _remember(key, meaning)
        return Asked(self, tree, meaning, compiled.expression)

    def compile(self, tree: object) -> Compiled:
        return compile_conditions(tree, self.catalogue, self.columns, self.now)


class Asked:
    """One condition: `meaning` at once, `expression` when it is needed."""

    def __init__(
        self, conditions: Conditions, tree: object, meaning: Meaning, expression: exp.Expr | None = None
    ) -> None:
        self.meaning = meaning
        self._conditions = conditions
        self._tree = tree
        self._expression = expression

    @property
    def expression(self) -> exp.Expr:
        if self._expression is None:
            self._expression = self._conditions.compile(self._tree).expression
        return self._expression


_memory: OrderedDict[bytes, Meaning] = OrderedDict()
_lock = threading.Lock()


def _recall(key: bytes) -> Meaning | None:
    with _lock:
        meaning = _memory.get(key)
        if meaning is not None:
            _memory.move_to_end(key)
        return meaning


def _remember(key: bytes, meaning: Meaning) -> None:
    with _lock:
        _memory[key] = meaning
        if len(_memory) > _REMEMBERED:
            _memory.popitem(last=False)
