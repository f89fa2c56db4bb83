"""Tables of counts as bytes: 2400 numbers a row, in the smallest unsigned type that holds them, compressed. No framework here.

A test that shares its conditions with another shares its row: each different row is stored once. Format: zlib over
(little-endian) one byte for the width of a number, uint32 for the number of rows, uint32 for how many of them differ, uint32 for
each row saying which, then the different rows.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from experiments.percents import SPLIT_GROUPS

Counted = npt.NDArray[np.unsignedinteger[Any]]
"""unsigned[n, 2400]."""

_HEADER: Final = struct.Struct("<BII")


def pack_counts(table: npt.NDArray[np.int64]) -> bytes:
    """`table` (n, 2400), none negative, as bytes. Raises ValueError for another shape and for negative numbers."""
    if table.ndim != 2 or table.shape[1] != SPLIT_GROUPS:
        raise ValueError(f"a table of counts has {SPLIT_GROUPS} columns, not the shape {table.shape}")
    if table.size and int(table.min()) < 0:
        raise ValueError("a count cannot be negative")
    largest = int(table.max()) if table.size else 0
    numbers = table.astype(np.min_scalar_type(largest).newbyteorder("<"))
    places: dict[bytes, int] = {}
    which = [places.setdefault(row.tobytes(), len(places)) for row in numbers]
    header = _HEADER.pack(numbers.dtype.itemsize, len(which), len(places))
    return zlib.compress(header + np.array(which, dtype="<u4").tobytes() + b"".join(places))


def unpack_counts(packed: bytes) -> Counted:
    """The table that was packed, with as many bytes a number as it needs: widen it before summing."""
    content = zlib.decompress(packed)
    width, rows, different = _HEADER.unpack_from(content)
    which = np.frombuffer(content, dtype="<u4", count=rows, offset=_HEADER.size)
    start = _HEADER.size + which.nbytes
    numbers = np.frombuffer(content, dtype=f"<u{width}", offset=start).reshape(different, SPLIT_GROUPS)
    table: Counted = numbers[which]
    return table
