"""Columns of cast values, packed: few different ones as a dictionary with codes, numbers and moments as arrays.

Both read like a list of Python values, None where one is missing, so that an engine may take them as they are; the embedded one
takes the arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


class PackedColumn(Sequence[Any]):
    """What both kinds can do."""

    __slots__ = ()

    def listed(self) -> list[Any]:
        """The values as Python's own."""
        raise NotImplementedError

    def only(self, keep: NDArray[np.intp]) -> PackedColumn:
        """The rows at these positions."""
        raise NotImplementedError

    def value(self, index: int) -> Any:
        """One row's."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.listed()[index] if isinstance(index, slice) else self.value(index)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.listed())


@dataclass(frozen=True, slots=True, eq=False)
class CodedColumn(PackedColumn):
    """`dictionary[codes[i]]` is the value of row i."""

    codes: NDArray[np.int32]
    dictionary: Sequence[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def listed(self) -> list[Any]:
        return list(map(self.dictionary.__getitem__, self.codes.tolist()))

    def value(self, index: int) -> Any:
        return self.dictionary[self.codes[index]]

    def only(self, keep: NDArray[np.intp]) -> CodedColumn:
        return CodedColumn(self.codes[keep], self.dictionary)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayColumn(PackedColumn):
    """`array[i]` is the value of row i, unless `missing[i]`; no `missing` at all says that every row has one."""

    array: NDArray[Any]
    missing: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.array)

    def listed(self) -> list[Any]:
        values: list[Any] = self.array.tolist()
        if self.missing is not None:
            for index in np.flatnonzero(self.missing):
                values[index] = None
        return values

    def value(self, index: int) -> Any:
        return None if self.missing is not None and self.missing[index] else self.array[index].item()

    def only(self, keep: NDArray[np.intp]) -> ArrayColumn:
        return ArrayColumn(self.array[keep], None if self.missing is None else self.missing[keep])
