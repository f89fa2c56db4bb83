"""All rows that a load left out, as a CSV file (line, reason) in the order of their lines."""

from __future__ import annotations

import csv
import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from audience.loading import Reject
from core.errors import InvalidInput


class RejectsFile:
    """Give `add` to `load_users`. The file is there, whole, when the block ends, however it ends; raises InvalidInput (`rejects`).

    Bad rows come in order while the source is read, and repeated ones in order when it has been: two runs, merged at the end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.last = 0
        try:
            self.runs = [self.new_run()]
        except OSError as error:
            raise self.cannot(error) from error

    def new_run(self) -> IO[str]:
        folder = self.path.absolute().parent
        return tempfile.TemporaryFile("w+", dir=folder, encoding="utf-8", newline="")

    def cannot(self, error: OSError) -> InvalidInput:
        return InvalidInput.at("rejects", f"{self.path.name} cannot be written: {error.strerror or error}")

    def add(self, reject: Reject) -> None:
        try:
            if reject.line < self.last:
                self.runs.append(self.new_run())
            self.last = reject.line
            csv.writer(self.runs[-1]).writerow(reject)
        except OSError as error:
            raise self.cannot(error) from error
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.write()
        except OSError as problem:
            raise self.cannot(problem) from error
        finally:
            for run in self.runs:
                run.close()

    def write(self) -> None:
        unfinished = self.path.with_name(f"{self.path.name}.part")
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("line", "reason"))
            merged: Iterator[list[str]] = heapq.merge(*map(_rows, self.runs), key=_line)
            rows.writerows(merged)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)


def _line(row: list[str]) -> int:
    return int(row[0])


def _rows(run: IO[str]) -> Iterator[list[str]]:
    run.seek(0)
    lines: Iterable[list[str]] = csv.reader(run)
    yield from lines
