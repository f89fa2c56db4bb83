"""What a load does to the columns of the users, the same for every engine that is loaded by SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from audience.compiling import VERSION_KEY_SUFFIX
from audience.specs import FilterType
from audience.warehouse.base import UserBatch
from usersplit_sdk.values import version_key

DUPLICATES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """`before` are the columns of the users now, `given` those of the load."""

    before: Mapping[str, FilterType]
    given: Mapping[str, FilterType]
    replace: bool

    @property
    def after(self) -> dict[str, FilterType]:
        return {**({} if self.replace else self.before), **self.given}

    @property
    def earlier(self) -> dict[str, FilterType]:
        """Columns whose values count still: one that a superuser gave to a filter of another type starts anew."""
        return {name: kind for name, kind in self.before.items() if self.given.get(name, kind) == kind}

    @property
    def compared(self) -> list[str]:
        """The columns that decide whether a user has changed."""
        return list({**self.earlier, **self.given} if self.replace else self.given)


def with_version_keys(columns: Mapping[str, FilterType]) -> dict[str, FilterType | None]:
    """The columns as they lie in the table: versions have their sortable companion, of no filter type, beside them."""
    physical: dict[str, FilterType | None] = {}
    for name, kind in columns.items():
        physical[name] = kind
        if kind == "version":
            physical[name + VERSION_KEY_SUFFIX] = None
    return physical


def values_of(batch: UserBatch, columns: Mapping[str, FilterType]) -> list[Sequence[Any]]:
    """The values of a batch, column by column as `with_version_keys` names them."""
    found: list[Sequence[Any]] = []
    for name, kind in columns.items():
        values = list(batch.values[name])
        found.append(values)
        if kind == "version":
            keys = {text: version_key(text) for text in set(values)}
            found.append([keys[text] for text in values])
    return found
