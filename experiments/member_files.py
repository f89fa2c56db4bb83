"""Walked users as text or as a Parquet file. Nothing here holds more than a few thousand of them."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from experiments.members import Member

LINES_PER_PIECE: Final = 500
ROWS_PER_INSERT: Final = 5_000
_SCRATCH_MEMORY: Final = "256MB"


def columns_of(*, is_test: bool) -> tuple[str, ...]:
    """What is told of each user. Nobody in a user group has a variant."""
    return ("id", "split_group", "variant") if is_test else ("id", "split_group")


def csv_pieces(members: Iterable[Member], *, is_test: bool) -> Iterator[str]:
    """The heading and a line per user, many lines at a time. No variant is an empty cell. For programs: ids stay as they are."""
    yield ",".join(columns_of(is_test=is_test)) + "\r\n"
    for some in _some_at_a_time(members, LINES_PER_PIECE):
        text = io.StringIO()
        csv.writer(text).writerows(_row(member, is_test) for member in some)
        yield text.getvalue()


def json_pieces(
    members: Iterable[Member],
    *,
    is_test: bool,
    cursor_after: Callable[[Member], str] | None = None,
    every: int = 1_000,
) -> Iterator[str]:
    """An object per line, many lines at a time. With `cursor_after` every so many lines one also has a `cursor`."""
    names = columns_of(is_test=is_test)
    line = 0
    for some in _some_at_a_time(members, LINES_PER_PIECE):
        lines = []
        for member in some:
            line += 1
            shown: dict[str, object] = dict(zip(names, _row(member, is_test), strict=True))
            if cursor_after is not None and line % every == 0:
                shown["cursor"] = cursor_after(member)
            lines.append(json.dumps(shown, ensure_ascii=False, separators=(",", ":")) + "\n")
        yield "".join(lines)


def failure_line(detail: str, *, is_csv: bool, is_test: bool) -> str:
    """The last line of a walk that broke off: no user, and no program takes it for one."""
    if not is_csv:
        return json.dumps({"error": detail}) + "\n"
    text = io.StringIO()
    csv.writer(text).writerow([*[""] * (len(columns_of(is_test=is_test)) - 1), detail])
    return text.getvalue()


def write_parquet(members: Iterable[Member], path: Path, *, is_test: bool) -> None:
    """One Parquet file. What waits to be written lies in a scratch database beside it, not in memory.

    Raises duckdb.Error or OSError when the disk is full; then there is no file.
    """
    types = {"id": "VARCHAR", "split_group": "USMALLINT", "variant": "VARCHAR"}
    names = columns_of(is_test=is_test)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".users-") as folder:
        scratch, written = Path(folder) / "rows.duckdb", Path(folder) / "users.parquet"
        with duckdb.connect(str(scratch), config={"memory_limit": _SCRATCH_MEMORY}) as connection:
            connection.execute(f"CREATE TABLE users ({', '.join(f'{name} {types[name]}' for name in names)})")
            for some in _some_at_a_time(members, ROWS_PER_INSERT):
                rows = [_row(member, is_test) for member in some]
                columns = {
                    name: np.array(
                        [row[place] for row in rows], dtype=object if name != "split_group" else np.int64
                    )
                    for place, name in enumerate(names)
                }
                connection.register("arriving", columns)
                connection.execute(f"INSERT INTO users SELECT {', '.join(names)} FROM arriving")  # noqa: S608 - our own names
                connection.unregister("arriving")
            connection.table("users").write_parquet(str(written))
        written.replace(path)


def _row(member: Member, is_test: bool) -> Sequence[object]:
    return (member.id, member.split_group, member.variant) if is_test else (member.id, member.split_group)


def _some_at_a_time(members: Iterable[Member], size: int) -> Iterator[list[Member]]:
    walk = iter(members)
    while some := list(islice(walk, size)):
        yield some
