"""A CSV file means the same however it is cut into blocks, and the same as Python's own reader says."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience.sources import BadRow, open_source

CELLS = st.one_of(
    st.sampled_from(
        ["", "a", "b c", 'say "x"', "two\nlines", "mac\rline", "end\r\n", '"', '""', ",", ";", "ä", "\u2028"]
    ),
    st.text(alphabet='ab",\n\r', max_size=6),
)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), max_size=12)


def rows_of(path: Path, size: int) -> list[tuple[int, Any]]:
    """(line, cells or the reason) in order."""
    found: list[tuple[int, Any]] = []
    with open_source(path) as source:
        for block in source.blocks(size):
            found += zip(block.lines, zip(*block.columns, strict=True), strict=True)
            found += [(bad.line, bad.reason) for bad in block.bad]
    return sorted(found, key=lambda row: row[0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=ROWS,
    size=st.integers(1, 5),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_blocks_hold_what_was_written(tmp_path: Path, rows: list[list[str]], size: int, ends: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "x", "y"], *rows])
    path = tmp_path / "users.csv"
    path.write_bytes(text.getvalue().encode())
    assert [list(cells) for _, cells in rows_of(path, size)] == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(alphabet='ab",\n\r\x00', max_size=60), size=st.integers(1, 4))
def test_whatever_a_file_holds_its_blocks_do_not_depend_on_their_size(
    tmp_path: Path, text: str, size: int
) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(("id,x\n" + text).encode())
    assert rows_of(path, size) == rows_of(path, 1_000)


@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_lines_are_those_of_the_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(b'id,x\n1,a\n\n2,"b\nb"\n3\n4,c,d\n5,\xff\n6,e\n7,"open\n8,f\n')
    assert rows_of(path, size) == [
        (2, ("1", "a")),
        (4, ("2", "b\nb")),
        (6, "has 1 fields, the header has 2"),
        (7, "has 3 fields, the header has 2"),
        (8, "has bytes that are not UTF-8 (0xff)"),
        (9, ("6", "e")),
        (10, ("7", "open\n8,f\n")),
    ]


def test_a_bad_row_sorts_by_its_line() -> None:
    assert sorted([BadRow(3, "b"), BadRow(2, "a")]) == [BadRow(2, "a"), BadRow(3, "b")]
