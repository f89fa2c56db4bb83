"""Files of users as rows: CSV, gzipped CSV and Parquet, told apart by their first bytes, read in constant memory."""

# ruff: noqa: S608 - the path and the column names in this SQL are quoted where they enter it

from __future__ import annotations

import csv
import glob
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, NamedTuple, Protocol, Self

import duckdb

from core.errors import FieldError, InvalidInput

MAX_LINE: Final = 1_000_000
_DELIMITERS: Final = (",", ";", "\t")


class Row(NamedTuple):
    """One row; `line` is where it starts, from 1. Cells are texts (CSV) or typed values (Parquet)."""

    line: int
    cells: Sequence[Any]


class BadRow(NamedTuple):
    """A row that cannot be read, and why."""

    line: int
    reason: str


class UnreadableFile(InvalidInput):
    """The file as a whole cannot be read."""

    code = "unreadable_file"
    title = "This file cannot be read"

    def __init__(self, message: str) -> None:
        super().__init__([FieldError("file", message)])


class Source(Protocol):
    """An open file of users."""

    columns: Sequence[str]

    def rows(self, size: int) -> Iterator[Sequence[Row | BadRow]]:
        """All rows in order, `size` at a time."""

    def done(self) -> float:
        """The part that has been read, 0..1."""


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

    def __init__(self, file: BinaryIO, content: BinaryIO | gzip.GzipFile, size: int) -> None:
        self.file = file
        self.size = size
        # Bytes that are not UTF-8 become lone surrogates, which no valid file can have, and are found row by row.
        self.text = io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")
        header = next(self.lines(), "")
        self.columns: Sequence[str] = []
        self.delimiter = max(_DELIMITERS, key=header.count)
        self.reader = csv.reader(self.lines(header), delimiter=self.delimiter)
        self.columns = [name.strip() for name in next(self.reader, [])]
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

    def lines(self, *first: str) -> Iterator[str]:
        """Lines of bounded length: a file without line ends would otherwise be read into memory as a whole."""
        yield from (line for line in first if line)
        number = len(first)
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

    def rows(self, size: int) -> Iterator[Sequence[Row | BadRow]]:
        batch: list[Row | BadRow] = []
        width = len(self.columns)
        while True:
            line = self.reader.line_num + 1
            try:
                cells = next(self.reader)
            except StopIteration:
                break
            except csv.Error as error:
                batch.append(BadRow(line, f"cannot be read ({error}); is a quotation mark left open?"))
                continue
            if not cells:
                continue
            if len(cells) != width:
                batch.append(BadRow(line, f"has {len(cells)} fields, the header has {width}"))
            elif problem := _unstorable(cells):
                batch.append(BadRow(line, problem))
            else:
                batch.append(Row(line, cells))
            if len(batch) >= size:
                yield batch
                batch = []
        if batch:
            yield batch

    def done(self) -> float:
        return min(1.0, self.file.tell() / self.size) if self.size else 1.0


def _unstorable(cells: Sequence[str]) -> str | None:
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
        self.selected = ", ".join(_readable(str(row[0]), str(row[1])) for row in described)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def rows(self, size: int) -> Iterator[Sequence[Row | BadRow]]:
        try:
            self.connection.execute(f"SELECT {self.selected} FROM {self.relation}")
            while rows := self.connection.fetchmany(size):
                yield [Row(line, cells) for line, cells in enumerate(rows, start=self.read + 1)]
                self.read += len(rows)
        except duckdb.Error as error:
            raise UnreadableFile(f"is damaged after row {self.read}: {str(error).splitlines()[0]}") from error

    def done(self) -> float:
        return self.read / self.total if self.total else 1.0


def _readable(name: str, kind: str) -> str:
    """A column in a type that Python's side of DuckDB hands over as it is."""
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":  # aware values would need a time zone library
        return f"make_timestamp(epoch_us({column}))"
    if kind.startswith("TIMESTAMP"):
        return f"CAST({column} AS TIMESTAMP)"
    known = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
             "FLOAT", "DOUBLE", "DATE", "VARCHAR", "VARCHAR[]")  # fmt: skip
    return column if kind in known or kind.startswith("DECIMAL") else f"CAST({column} AS VARCHAR)"
