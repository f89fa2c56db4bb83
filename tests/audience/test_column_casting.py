"""Reading a column at once means the same as reading it cell by cell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audience.column_casting import ColumnReader, field_reader, id_reader, split_group_reader
from audience.column_values import ArrayColumn, CodedColumn
from audience.specs import FilterType

MOMENTS = st.datetimes()
MOMENT_FORMS = [
    MOMENTS.map(lambda moment: moment.isoformat(sep=" ", timespec="seconds")),
    MOMENTS.map(lambda moment: moment.isoformat()),
    MOMENTS.map(lambda moment: moment.isoformat() + "Z"),
    MOMENTS.map(lambda moment: moment.date().isoformat()),
]
WRITTEN_MOMENTS = st.one_of(MOMENT_FORMS)
DIRTY = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "-",
            "1-2",
            "--1",
            "007",
            " 7",
            "1_000",
            "１２",
            "nan",
            "inf",
            ".5",
            "5.",
            "+3",
            "1e5",
            "12.0",
            "Z",
            "2026-02-30",
        ]
    ),
    st.sampled_from(
        [
            "0000-01-01",
            "2026-1-01 10:00:00",
            "20260-01-01 1:00:00",
            "2026-01-31 10:00:00.",
            "2026-01-31Z",
            "2026-01-31 24:00:00",
        ]
    ),
    st.sampled_from(
        [
            "2026-01-31 10:00:00\x00",
            "9" * 18,
            "9" * 19,
            "-" + "9" * 18,
            "x" * 1001,
            "\ud800",
            "a\x00b",
            "ä",
            "\u2028",
        ]
    ),
    st.text(max_size=8),
)
USUAL: dict[str, st.SearchStrategy[str]] = {
    "date": WRITTEN_MOMENTS,
    "integer": st.integers(-(10**18), 10**18).map(str),
    "number": st.floats(allow_nan=False, allow_infinity=False).map(str),
    "string": st.text(max_size=20),
}


def cell_by_cell(reader: ColumnReader, cells: Sequence[Any]) -> tuple[list[Any], dict[int, str]]:
    bad: dict[int, str] = {}
    return list(reader.one_by_one(cells, bad)), bad


def column(reader: ColumnReader, cells: Any) -> tuple[list[Any], dict[int, str]]:
    bad: dict[int, str] = {}
    return list(reader.read(cells, bad)), bad


@pytest.mark.parametrize("kind", ["date", "integer", "number", "string"])
def test_a_column_of_texts_is_read_as_its_cells_are(kind: FilterType) -> None:
    one_form = USUAL[kind] if kind != "date" else st.nothing()

    @settings(deadline=None)
    @given(
        st.one_of(
            st.lists(st.one_of(one_form, st.just("")), min_size=1, unique=True),
            st.lists(st.one_of(USUAL[kind], DIRTY), min_size=1),
            *(
                st.lists(written, min_size=1, unique=True)
                for written in ([] if kind != "date" else MOMENT_FORMS)
            ),
        )
    )
    def check(cells: list[str]) -> None:
        assert column(field_reader(kind, "x"), cells) == cell_by_cell(field_reader(kind, "x"), cells)

    check()


@settings(deadline=None)
@given(st.lists(st.one_of(st.uuids().map(str), st.text(max_size=210), DIRTY), min_size=1))
@example(["a", " b "])
@example(["x" * 200, "y" * 201])
def test_a_column_of_ids_is_read_as_its_cells_are(cells: list[str]) -> None:
    assert column(id_reader(), cells) == cell_by_cell(id_reader(), cells)


ARRAYS: list[Any] = [
    np.array([1, 2, 2400], dtype=np.int16),
    np.array([0, 2401, -1]),
    np.array([2**64 - 1, 0], dtype=np.uint64),
    np.array([0.5, 1.0, np.nan]),
    np.array([1.5, np.inf]),
    np.array([True, False]),
    np.ma.masked_array([True, False], [False, True]),
    np.ma.masked_array([5, 6], [True, True]),
    np.ma.masked_array([1.0, np.nan], [False, True]),
    np.array(["2026-01-31T10:00", "NaT"], dtype="datetime64[us]"),
    np.array(["2026-01-31T10:00", "1969-12-31"], dtype="datetime64[us]"),
    np.ma.masked_array(np.array(["2026-01-31", "NaT"], dtype="datetime64[us]"), [False, True]),
    np.array(["a", " ", "", "b\x00", "2026-01-31 10:00:00"], dtype=object),
]


@pytest.mark.parametrize("index", range(len(ARRAYS)))
@pytest.mark.parametrize("kind", ["boolean", "integer", "number", "string", "date", "version", "list"])
def test_an_array_is_read_as_its_values_are(kind: FilterType, index: int) -> None:
    array = ARRAYS[index]
    values = np.ma.getdata(array).tolist()
    values = [
        None if missing else value for value, missing in zip(values, np.ma.getmaskarray(array), strict=True)
    ]
    for reader in (field_reader(kind, "x"), id_reader(), split_group_reader()):
        assert column(reader, array) == cell_by_cell(reader, values)


def test_moments_of_a_database_are_in_utc() -> None:
    east = dt.timezone(dt.timedelta(hours=5))
    moments = [dt.datetime(2026, 1, 31, hour, tzinfo=east) for hour in range(20)]
    values, bad = column(field_reader("date", "x"), [*moments, None])
    assert not bad
    assert [value.isoformat() for value in values[:2]] == ["2026-01-30T19:00:00", "2026-01-30T20:00:00"]
    assert values[-1] is None


def test_packed_columns_read_like_lists() -> None:
    moment = dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC).replace(tzinfo=None)
    for packed, listed in (
        (CodedColumn(np.array([1, 0, 1], dtype=np.int32), ["a", None]), [None, "a", None]),
        (
            ArrayColumn(np.array([moment] * 2, dtype="datetime64[us]"), np.array([False, True])),
            [moment, None],
        ),
        (ArrayColumn(np.array([5, 7])), [5, 7]),
    ):
        assert list(packed) == [packed[index] for index in range(len(packed))] == packed[:] == listed
        assert packed.listed() == packed.only(np.arange(len(packed))).listed()


def test_one_value_is_cast_once_for_all_its_rows() -> None:
    calls = []

    def cast(cell: str) -> str:
        calls.append(cell)
        return cell.upper()

    reader = ColumnReader(cast)
    assert list(reader.read(["a", "b"] * 5_000, {}))[:3] == ["A", "B", "A"]
    reader.read(["a", "b"] * 5_000, {})
    assert sorted(calls) == ["a", "b"]
