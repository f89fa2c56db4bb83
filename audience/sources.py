"""Files of users, block by block: CSV, gzipped CSV and Parquet, told apart by their first bytes, read in constant memory."""

# ruff: noqa: S608 - the path and the column names in this SQL are quoted where they enter it

from __future__ import annotations

import csv
import glob
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Protocol, Self

import duckdb

from audience.column_casting import Cells
from core.errors import FieldError, InvalidInput

MAX_LINE: Final = 1_000_000
MAX_BLOCK: Final = 20_000_000
_ROWS_PER_QUERY: Final = 200_000
_DELIMITERS: Final = (",", ";", "\t")


class BadRow(NamedTuple):
    """A row that cannot be read, and why. `line` is where it starts, from 1."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows in order. Those that can be read stand column by column, with the lines where they start (from 1; in Parquet
    and in a query's answer the number of the row). Cells are texts (CSV), Python's values or arrays of them."""

    lines: Sequence[int]
    columns: Sequence[Cells]
    bad: Sequence[BadRow] = ()


class UnreadableFile(InvalidInput):
    """The file as a whole cannot be read."""

    code = "unreadable_file"
    title = "This file cannot be read"

    def __init__(self, message: str) -> None:
        super().__init__([FieldError("file", message)])


class Source(Protocol):
    """Users to read, in a file or elsewhere."""

    columns: Sequence[str]
    called: str
    """What people know it as: file, query."""
    no_rows: str
    """What is wrong if there is no row at all; "" if nothing is."""

    def blocks(self, size: int) -> Iterator[Block]:
        """All rows in order, about `size` at a time."""

    def done(self) -> float | None:
        """The part that has been read, 0..1, if that can be known."""


def open_source(path: Path) -> AbstractContextManager[Source]:
    """Open a file and read its columns. Raises UnreadableFile."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"cannot be opened: {error.strerror or error}") from error
    try:
        start = file.read(4)
        file.seek(0)
        size = path.stat().st_size
        if not start:
            raise UnreadableFile("is empty")
        if start == b"PAR1":
            file.close()
            return ParquetSource(path)
        if start[:2] == b"PK":
            raise UnreadableFile("is a ZIP or Excel file; save it as CSV (UTF-8)")
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UnreadableFile("is UTF-16; save it as CSV in UTF-8")
        if start[:2] == b"\x1f\x8b":
            return CsvSource(file, gzip.GzipFile(fileobj=file), size)
        if path.suffix.lower() == ".gz":
            raise UnreadableFile("is called .gz but is not a gzip file")
        return CsvSource(file, file, size)
    except BaseException:
        file.close()
        raise


class CsvSource:
    """Comma, semicolon or tab separated, whichever the header has most of; quotes as in RFC 4180; UTF-8."""

    called = "file"
    no_rows = "has a header but no rows"

    def __init__(self, file: BinaryIO, content: BinaryIO | gzip.GzipFile, size: int) -> None:
        self.file = file
        self.size = size
        # Bytes that are not UTF-8 become lone surrogates, which no valid file can have, and are found row by row.
        self.text = io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self.rest = self.lines()
        header = next(self.rest, "")
        self.delimiter = max(_DELIMITERS, key=header.count)
        reader = csv.reader(chain([header], self.rest), delimiter=self.delimiter)
        self.columns: Sequence[str] = [name.strip() for name in next(reader, [])]
        self.line = reader.line_num
        if problem := _unstorable(self.columns):
            raise UnreadableFile(f"has a header that {problem}; is it a CSV file?")
        if not any(self.columns):
            raise UnreadableFile("has no header")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.text.close()
        self.file.close()

    def lines(self) -> Iterator[str]:
        """Lines of bounded length: a file without line ends would otherwise be read into memory as a whole."""
        number = 0
        while True:
            try:
                line = self.text.readline(MAX_LINE)
            except (OSError, EOFError, zlib.error) as error:
                raise UnreadableFile(f"breaks off or is damaged after line {number}: {error}") from error
            if not line:
                return
            number += 1
            if len(line) >= MAX_LINE and not line.endswith("\n"):
                raise UnreadableFile(
                    f"has more than {MAX_LINE:,} characters in line {number}; is it a CSV file?"
                )
            yield line

    def blocks(self, size: int) -> Iterator[Block]:
        while lines := self.some_lines(size):
            rows = self.plain_rows(lines)
            if rows is None:
                yield self.careful_block(lines)
            else:
                first = self.line + 1
                self.line += len(lines)
                yield Block(range(first, first + len(rows)), list(zip(*rows, strict=True)))

    def some_lines(self, size: int) -> list[str]:
        lines = []
        room = MAX_BLOCK
        for line in self.rest:
            lines.append(line)
            room -= len(line)
            if len(lines) >= size or room <= 0:
                break
        return lines

    def plain_rows(self, lines: list[str]) -> list[list[str]] | None:
        """The rows if each line is one and nothing is wrong with any; all of it without a step of Python's per line."""
        if _unstorable(lines):
            return None
        try:
            # A quotation mark that is left open would swallow the extra line.
            rows = list(csv.reader([*lines, "end"], delimiter=self.delimiter))
        except csv.Error:
            return None
        if len(rows) != len(lines) + 1:
            return None
        rows.pop()
        return rows if set(map(len, rows)) == {len(self.columns)} else None

    def careful_block(self, lines: list[str]) -> Block:
        """These lines row by row; the last row may go on in lines that come after them."""
        numbers: list[int] = []
        good: list[list[str]] = []
        bad: list[BadRow] = []
        width = len(self.columns)
        reader = csv.reader(chain(lines, self.rest), delimiter=self.delimiter)
        while reader.line_num < len(lines):
            number = self.line + reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                bad.append(BadRow(number, f"cannot be read ({error}); is a quotation mark left open?"))
                continue
            if not cells:
                continue
            if len(cells) != width:
                bad.append(BadRow(number, f"has {len(cells)} fields, the header has {width}"))
            elif problem := _unstorable(cells):
                bad.append(BadRow(number, problem))
            else:
                numbers.append(number)
                good.append(cells)
        self.line += reader.line_num
        return Block(numbers, list(zip(*good, strict=True)) or [()] * width, bad)

    def done(self) -> float:
        return min(1.0, self.file.tell() / self.size) if self.size else 1.0


def _unstorable(cells: Sequence[str]) -> str | None:
    """What is wrong with the characters of cells or lines, None if nothing is."""
    joined = "".join(cells)
    if "\x00" in joined:
        return "has a NUL character"
    if joined.isascii():
        return None
    try:
        joined.encode()
    except UnicodeEncodeError as error:
        byte = ord(joined[error.start]) - 0xDC00
        return f"has bytes that are not UTF-8 (0x{byte:02x})"
    return None


class ParquetSource:
    """Rows of a Parquet file, streamed by DuckDB. Lines are row numbers from 1."""

    called = "file"
    no_rows = "has a header but no rows"

    def __init__(self, path: Path) -> None:
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": "500MB",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        # The reader takes patterns: a name with brackets or stars must mean itself.
        self.relation = "read_parquet('" + glob.escape(str(path.absolute())).replace("'", "''") + "')"
        self.read = 0
        try:
            described = self.connection.execute(f"DESCRIBE SELECT * FROM {self.relation}").fetchall()
            self.total = int(
                self.connection.execute(f"SELECT COUNT(*) FROM {self.relation}").fetchall()[0][0]
            )
        except duckdb.Error as error:
            self.connection.close()
            raise UnreadableFile(f"is not a readable Parquet file: {str(error).splitlines()[0]}") from error
        self.columns: Sequence[str] = [str(row[0]) for row in described]
        # Arrays would round these two and hold lists as lists anyway.
        self.by_rows = any(
            row[1] in ("HUGEINT", "VARCHAR[]") or row[1].startswith("DECIMAL") for row in described
        )
        self.selected = ", ".join(_readable(str(row[0]), str(row[1])) for row in described)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def blocks(self, size: int) -> Iterator[Block]:
        try:
            yield from self.blocks_of_rows(size) if self.by_rows else self.blocks_of_arrays(size)
        except duckdb.Error as error:
            raise UnreadableFile(f"is damaged after row {self.read}: {str(error).splitlines()[0]}") from error

    def blocks_of_rows(self, size: int) -> Iterator[Block]:
        self.connection.execute(f"SELECT {self.selected} FROM {self.relation}")
        while rows := self.connection.fetchmany(size):
            yield self.block(list(zip(*rows, strict=True)), len(rows))

    def blocks_of_arrays(self, size: int) -> Iterator[Block]:
        """By row numbers, for which DuckDB opens the parts of the file that have them and no others."""
        numbered = f"{self.relation[:-1]}, file_row_number = true)"
        for start in range(0, self.total, _ROWS_PER_QUERY):
            found = self.connection.execute(
                f"SELECT {self.selected} FROM {numbered} "
                f"WHERE file_row_number >= {start} AND file_row_number < {start + _ROWS_PER_QUERY} ORDER BY file_row_number"
            ).fetchnumpy()
            arrays = list(found.values())
            for offset in range(0, len(arrays[0]), size):
                part = [array[offset : offset + size] for array in arrays]
                yield self.block(part, len(part[0]))

    def block(self, columns: Sequence[Cells], count: int) -> Block:
        first = self.read + 1
        self.read += count
        return Block(range(first, first + count), columns)

    def done(self) -> float:
        return self.read / self.total if self.total else 1.0


def _readable(name: str, kind: str) -> str:
    """A column in a type that Python's side of DuckDB hands over as it is."""
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":  # aware values would need a time zone library
        return f"make_timestamp(epoch_us({column}))"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"CAST({column} AS TIMESTAMP)"
    known = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
             "FLOAT", "DOUBLE", "VARCHAR", "VARCHAR[]")  # fmt: skip
    return column if kind in known or kind.startswith("DECIMAL") else f"CAST({column} AS VARCHAR)"
