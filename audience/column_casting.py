"""Whole columns of cells → packed values, by the rules of `casting`, which every shortcut here agrees with to the letter.

A column of few different cells is cast once for each of them. One of many is read at once where all its cells have the usual
form (`2026-01-31 10:00:00`, `1234`); where a single one has not, all go the slow way, which knows every form and every error.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from audience.casting import CELL_CASTS, INTEGER_MAX, MAX_TEXT, CastError, cast_integer, cast_string, shown
from audience.column_values import ArrayColumn, CodedColumn
from audience.specs import SPLIT_GROUPS, FilterType

MAX_ID: Final = 200
Cells = Sequence[Any] | NDArray[Any]
"""One column of a block: texts, Python's values, or an array (masked where values are missing)."""

_REMEMBERED: Final = 100_000
_SAMPLE: Final = 2_000
_FIRST_MOMENT: Final = np.datetime64("0001-01-01", "us")
_AFTER_LAST_MOMENT: Final = np.datetime64("9999-12-31T23:59:59.999999", "us")


@dataclass(frozen=True, slots=True)
class _Misfit:
    reason: str


class ColumnReader:
    """Casts a column of one block after the other; each different cell that comes up often is cast once."""

    def __init__(
        self, cast: Callable[[Any], Any], at_once: Callable[[Cells], Sequence[Any] | None] | None = None
    ) -> None:
        self.cast = cast
        self.at_once = at_once
        self.known: dict[Any, Any] = {}

    def read(self, cells: Cells, bad: dict[int, str]) -> Sequence[Any]:
        """The values; what cannot be read is None and its reason goes into `bad`, unless the row has one already."""
        many = isinstance(cells, np.ndarray) or _mostly_different(cells)
        if many and self.at_once is not None and len(cells):
            values = self.at_once(cells)
            if values is not None:
                return values
        return self.one_by_one(_listed(cells), bad)

    def one_by_one(self, cells: Sequence[Any], bad: dict[int, str]) -> Sequence[Any]:
        try:
            different = list(set(cells))
        except TypeError:  # lists, from Parquet or a database, are different each time
            outcomes = [self.attempt(cell) for cell in cells]
            codes = np.arange(len(cells), dtype=np.int32)
        else:
            outcomes = self.outcomes(different)
            position = {cell: index for index, cell in enumerate(different)}
            codes = np.fromiter(map(position.__getitem__, cells), np.int32, len(cells))
        misfits = np.fromiter((type(outcome) is _Misfit for outcome in outcomes), np.bool_, len(outcomes))
        if misfits.any():
            for index in np.flatnonzero(misfits[codes]).tolist():
                bad.setdefault(index, outcomes[codes[index]].reason)
        return CodedColumn(codes, [None if type(outcome) is _Misfit else outcome for outcome in outcomes])

    def outcomes(self, different: Sequence[Any]) -> list[Any]:
        if len(different) > _SAMPLE:  # remembering these would only fill the memory
            return [self.attempt(cell) for cell in different]
        if len(self.known) > _REMEMBERED:
            self.known.clear()
        for cell in different:
            # 1, 1.0 and True are one key, but not one value: only what is a text is looked up again.
            if type(cell) is not str or cell not in self.known:
                self.known[cell] = self.attempt(cell)
        return [self.known[cell] for cell in different]

    def attempt(self, cell: Any) -> Any:
        try:
            return self.cast(cell)
        except CastError as error:
            return _Misfit(str(error))


def field_reader(kind: FilterType, column: str) -> ColumnReader:
    """For a column that feeds a filter of this type. Blank cells are missing values."""
    cast = CELL_CASTS[kind]

    def read(cell: Any) -> Any:
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return None
        try:
            return cast(cell)
        except CastError as error:
            raise CastError(f"{column} {error}") from None

    return ColumnReader(read, _AT_ONCE.get(kind))


def id_reader() -> ColumnReader:
    """For the column of user ids: texts without blanks around them, 1 to MAX_ID characters."""
    return ColumnReader(_user_id, _ids)


def split_group_reader() -> ColumnReader:
    """For the column of split groups: 1..2400, 0 for a blank cell."""
    return ColumnReader(_split_group, _groups)


# ---- one cell --------------------------------------------------------------------------------------------------


def _user_id(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():  # how many tools write integer columns that have gaps
        cell = int(cell)
    try:
        text = "" if cell is None else cast_string(cell).strip()
    except CastError as error:
        raise CastError(f"the user id {error}") from None
    if not text:
        raise CastError("the user id is missing")
    if len(text) > MAX_ID:
        raise CastError(f"the user id has more than {MAX_ID} characters")
    return text


def _split_group(cell: Any) -> int:
    if isinstance(cell, str):
        cell = cell.strip()
    if cell is None or cell == "":
        return 0
    try:
        number = cast_integer(cell)
    except CastError:
        number = 0
    if not 1 <= number <= SPLIT_GROUPS:
        raise CastError(f"the split group must be from 1 to {SPLIT_GROUPS}, not {shown(cell)}")
    return number


# ---- a whole column, if all its cells have the usual form; None if one may not have ------------------------------


def _ids(cells: Cells) -> Sequence[Any] | None:
    if isinstance(cells, np.ndarray):
        if _mask(cells) is not None:
            return None
        if _is_whole(cells):
            return list(map(str, cells.tolist()))
    texts: Sequence[Any] = _listed(cells)
    if set(map(type, texts)) != {str} or max(map(len, texts)) > MAX_ID or not _storable(texts):
        return None
    ids = list(map(str.strip, texts))
    return ids if all(ids) else None


def _groups(cells: Cells) -> Sequence[Any] | None:
    if not isinstance(cells, np.ndarray) or cells.dtype.kind not in "iu" or _mask(cells) is not None:
        return None
    return ArrayColumn(cells.astype(np.int16)) if cells.min() >= 1 and cells.max() <= SPLIT_GROUPS else None


def _booleans(cells: Cells) -> Sequence[Any] | None:
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "b":
        return ArrayColumn(np.ma.getdata(cells), _mask(cells))
    return None


def _integers(cells: Cells) -> Sequence[Any] | None:
    if isinstance(cells, np.ndarray):
        whole = np.ma.getdata(cells)
        return ArrayColumn(whole.astype(np.int64), _mask(cells)) if _is_whole(whole) else None
    kinds = _kinds(cells)
    present, missing = _filled(cells, 0 if kinds == {int} else "0")
    if kinds == {str} and (max(map(len, present)) > 18 or _without(present, b"0123456789-")):
        return None
    if kinds not in ({str}, {int}):
        return None
    try:
        return ArrayColumn(np.array(list(map(int, present)), dtype=np.int64), missing)
    except (ValueError, OverflowError):  # "1-2", or more than 64 bits
        return None


def _numbers(cells: Cells) -> Sequence[Any] | None:
    if isinstance(cells, np.ndarray):
        if cells.dtype.kind not in "iuf":
            return None
        array, missing = np.ma.getdata(cells).astype(np.float64), _mask(cells)
    else:
        kinds = _kinds(cells)
        present, missing = _filled(cells, 0.0 if kinds == {float} else "0")
        # No exponents: how many digits one may have is for the slow way to say.
        if kinds not in ({str}, {float}) or (kinds == {str} and _without(present, b"0123456789.-")):
            return None
        try:
            array = np.array(list(map(float, present)), dtype=np.float64)
        except ValueError:
            return None
    finite = np.isfinite(array) if missing is None else np.isfinite(array) | missing
    return ArrayColumn(array, missing) if finite.all() else None


def _texts(cells: Cells) -> Sequence[Any] | None:
    values = _listed(cells)
    present = [value or "" for value in values] if None in values else values
    if set(map(type, present)) != {str} or max(map(len, present)) > MAX_TEXT or not _storable(present):
        return None
    return [value if filled else None for value, filled in zip(values, map(str.strip, present), strict=True)]


def _moments(cells: Cells) -> Sequence[Any] | None:
    if isinstance(cells, np.ndarray):
        if cells.dtype.kind != "M":
            return None
        return _within_years(np.ma.getdata(cells).astype("datetime64[us]"), _mask(cells))
    kinds = _kinds(cells)
    if kinds == {str}:
        present, missing = _filled(cells, next(filter(None, cells), ""))
        array = _parsed_moments(present)
    elif kinds in ({dt.datetime}, {dt.date}):
        present, missing = _filled(cells, dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
        array = _naive_moments(present)
    else:
        return None
    return None if array is None else _within_years(array, missing)


_AT_ONCE: Final[Mapping[FilterType, Callable[[Cells], Sequence[Any] | None]]] = {
    "boolean": _booleans,
    "integer": _integers,
    "number": _numbers,
    "string": _texts,
    "date": _moments,
}


def _naive_moments(moments: Sequence[dt.date]) -> NDArray[Any] | None:
    """A moment without an offset is UTC, one with an offset is converted, a day is its midnight."""
    try:
        naive = [
            moment.astimezone(dt.UTC).replace(tzinfo=None)
            if isinstance(moment, dt.datetime) and moment.tzinfo is not None
            else moment
            for moment in moments
        ]
    except OverflowError:  # its offset pushes it out of the calendar
        return None
    return np.array(naive, dtype="datetime64[us]")


def _parsed_moments(texts: Sequence[str]) -> NDArray[Any] | None:
    """Texts like `2026-01-31`, `2026-01-31 10:00:00` or `2026-01-31T10:00:00.123Z`, one form for all."""
    if all(map(str.endswith, texts, ["Z"] * len(texts))):
        texts = [text[:-1] for text in texts]
        if min(map(len, texts)) < 19:  # a day has no time zone
            return None
    shortest, longest = min(map(len, texts)), max(map(len, texts))
    usual = shortest == longest == 10 or 19 <= shortest <= longest <= 26
    if not usual or "\x00" in "".join(texts):
        return None
    array = np.array(texts, dtype=f"U{longest}")
    codes = array.view(np.uint32).reshape(len(texts), longest)
    for place, expected in enumerate("dddd-dd-ddSdd:dd:dd.dfffff"[:longest]):
        fits = _FITS[expected](codes[:, place])
        if place == 20:  # at least one digit after a point, nothing where there is none
            fits |= codes[:, 19] == 0
        if not fits.all():
            return None
    if longest == 20:
        return None
    try:
        return array.astype("datetime64[us]")
    except ValueError:  # 30 February
        return None


def _digit(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    fits: NDArray[np.bool_] = (codes >= ord("0")) & (codes <= ord("9"))
    return fits


_FITS: Final[Mapping[str, Callable[[NDArray[np.uint32]], NDArray[np.bool_]]]] = {
    "d": _digit,
    "f": lambda codes: _digit(codes) | (codes == 0),
    "-": lambda codes: codes == ord("-"),
    ":": lambda codes: codes == ord(":"),
    "S": lambda codes: (codes == ord(" ")) | (codes == ord("T")),
    ".": lambda codes: (codes == ord(".")) | (codes == 0),
}
"""What may stand at a place of a moment; 0 is what fills up shorter texts."""


def _within_years(array: NDArray[Any], missing: NDArray[np.bool_] | None) -> ArrayColumn | None:
    fits = (array >= _FIRST_MOMENT) & (array <= _AFTER_LAST_MOMENT)
    if missing is not None:
        fits |= missing
    return ArrayColumn(array, missing) if fits.all() else None


# ---- looking at many cells -----------------------------------------------------------------------------------


def _mostly_different(cells: Sequence[Any]) -> bool:
    sample = cells[:_SAMPLE]
    try:
        return len(set(sample)) * 2 > len(sample)
    except TypeError:
        return False


def _is_whole(cells: NDArray[Any]) -> bool:
    """Are these whole numbers of at most 64 bits?"""
    return cells.dtype.kind == "i" or (cells.dtype.kind == "u" and bool(cells.max() <= INTEGER_MAX))


def _listed(cells: Cells) -> Sequence[Any]:
    if not isinstance(cells, np.ndarray):
        return cells
    values: list[Any] = np.ma.getdata(cells).tolist()
    missing = _mask(cells)
    if missing is not None:
        for index in np.flatnonzero(missing):
            values[index] = None
    return values


def _mask(cells: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where values are missing; None if nowhere."""
    mask = np.ma.getmaskarray(cells)
    return mask if mask.any() else None


def _kinds(cells: Sequence[Any]) -> set[type]:
    return set(map(type, cells)) - {type(None)}


def _filled(cells: Sequence[Any], filler: object) -> tuple[Sequence[Any], NDArray[np.bool_] | None]:
    """The cells with a filler in place of blank ones, and where those are."""
    if "" not in cells and None not in cells:
        return cells, None
    blank = np.fromiter((cell is None or cell == "" for cell in cells), np.bool_, len(cells))
    return [filler if cell is None or cell == "" else cell for cell in cells], blank


def _without(texts: Sequence[str], allowed: bytes) -> bool:
    """Do the texts hold any other characters than these?"""
    joined = "".join(texts)
    return not joined.isascii() or bool(joined.encode("ascii").translate(None, allowed))


def _storable(texts: Sequence[str]) -> bool:
    joined = "".join(texts)
    if "\x00" in joined:
        return False
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True
