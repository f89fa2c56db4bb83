"""What the catalogue says about one filter, free of Django: conditions, compilers and loaders work on this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from usersplit_sdk import model
from usersplit_sdk.operators import OPERATORS

SPLIT_GROUPS: Final = model.SPLIT_GROUPS
"""How many split groups there are; a user's is 1..SPLIT_GROUPS, and index i of every array is group i + 1."""

FilterType = Literal["boolean", "integer", "number", "string", "date", "version", "list"]
Source = Literal["user", "environment"]
ChoiceValue = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Choice:
    """A value people may pick, under the name they know it by."""

    value: ChoiceValue
    label: str


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """One filter. `column` is its column in the warehouse, "" if the warehouse does not know it.

    `choices` name values; they never limit them. An archived filter keeps working where it is used and is
    refused in new conditions.
    """

    name: str
    label: str
    type: FilterType
    source: Source = "user"
    operators: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    column: str = ""
    description: str = ""
    archived: bool = False
    _labels: Mapping[tuple[bool, ChoiceValue], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.operators:
            object.__setattr__(self, "operators", operators_of(self.type))
        # True == 1 in Python: the flag keeps a boolean choice from naming an integer.
        labels = {(isinstance(choice.value, bool), choice.value): choice.label for choice in self.choices}
        object.__setattr__(self, "_labels", MappingProxyType(labels))

    def label_of(self, value: ChoiceValue) -> str | None:
        """The name of a value, None if it has none."""
        return self._labels.get((isinstance(value, bool), value))


Catalogue = Mapping[str, FilterSpec]
"""All filters by name, in the order in which people see them."""


def operators_of(filter_type: str) -> tuple[str, ...]:
    """All operators that a filter of this type can have, in the order of the operator table."""
    return tuple(name for name, operator in OPERATORS.items() if filter_type in operator.types)
