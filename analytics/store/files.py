"""The embedded store: Parquet files by stream, day (UTC) and part, which DuckDB reads.

A part writes a file for each day that it holds items of: aside, fsynced, renamed, its folder fsynced. The file counts once its
`StoredFile` row is committed, together with the counters; killed before that, the part is written again, over its files.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb
from sqlglot import exp

from analytics.models import Stream
from analytics.store import compaction
from analytics.store.base import StoreError, WrittenFile
from analytics.store.ledger import live_paths
from analytics.store.questions import Questions
from analytics.store.shapes import SHAPES, empty_table, literal, quoted
from analytics.store.sql_store import Ask, Row, SqlItemStore
from audience.warehouse import WarehouseError
from audience.warehouse.time_limits import TimeLimit

logger = logging.getLogger(__name__)

READ_MEMORY: Final = "1GB"
ASIDE: Final = "aside-"
SPILL: Final = "spill-"
SUFFIX: Final = ".parquet"
# Small enough that a look at one group or one user skips most of a day, large enough to compress well.
ROWS_PER_GROUP: Final = 30_000
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": READ_MEMORY,
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class FileStore(SqlItemStore):
    """See `base.ItemStore` for what the methods answer. Nothing is opened before the first question."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.questions = Questions(
            "duckdb", {stream.value: exp.to_table(stream.value, dialect="duckdb") for stream in Stream}
        )

    # ---- writing ---------------------------------------------------------------------------------------------

    def write(
        self, stream: str, part: int, connection: duckdb.DuckDBPyConnection, table: str
    ) -> list[WrittenFile]:
        with self.opening(connection):
            days = connection.execute(
                f'SELECT DISTINCT CAST("time" AS DATE) AS day FROM {quoted(table)} ORDER BY day'  # noqa: S608 - quoted
            ).fetchall()
            written = []
            for (day,) in days:
                rows = f"{SHAPES[stream].select(table)} WHERE CAST(\"time\" AS DATE) = DATE '{day}'"
                path = f"{stream}/{day}-part-{part:012d}{SUFFIX}"
                written.append(WrittenFile(day, path, self.write_file(connection, stream, rows, path)))
        return written

    def write_file(self, connection: duckdb.DuckDBPyConnection, stream: str, rows: str, path: str) -> int:
        """The rows of a select, sorted and durable, under this path below the folder; how many they are."""
        folder = self.folder / stream
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync(self.folder)
            sync(self.folder.parent)
        aside = folder / f"{ASIDE}{secrets.token_hex(8)}{SUFFIX}"
        try:
            ((items,),) = connection.execute(
                f"COPY ({rows} ORDER BY {SHAPES[stream].ordered()}) TO {literal(str(aside))}"
                f" (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_PER_GROUP})"
            ).fetchall()
            sync(aside)
            aside.replace(self.folder / path)
            sync(folder)
            return int(items)
        except BaseException:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise

    def compact(self, before: dt.date | None) -> int:
        return compaction.compact(self, before)

    def prune(self, before: dt.date) -> int:
        return compaction.prune(before)

    # ---- reading ---------------------------------------------------------------------------------------------

    @contextmanager
    def asking(
        self, streams: Collection[Stream], since: dt.datetime | None, until: dt.datetime | None
    ) -> Iterator[Ask]:
        limit = TimeLimit()
        live = live_paths(streams, since, until)
        with self.reading(READ_MEMORY) as connection, self.opening(connection, live):
            for stream, paths in live.items():
                connection.execute(f"CREATE TEMP VIEW {stream} AS {self.rows_of(stream, paths)}")

            def ask(sql: str) -> Sequence[Row]:
                with limit.stopping(connection.interrupt):
                    rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
                return rows

            yield ask

    @contextmanager
    def reading(self, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB of the caller's own: none outlives a question, so none is taken through a fork."""
        spill = self.folder / f"{SPILL}{secrets.token_hex(8)}"
        config = {**_CONFIG, "memory_limit": memory, "temp_directory": str(spill)}
        connection = duckdb.connect(":memory:", config=config)
        try:
            connection.execute("SET enable_progress_bar = false")
            yield connection
        finally:
            connection.close()
            with suppress(OSError):
                spill.rmdir()

    def rows_of(self, stream: str, paths: Sequence[str]) -> str:
        """A select of all items in these files."""
        if not paths:
            return empty_table(stream)
        files = ", ".join(literal(str(self.folder / path)) for path in paths)
        return f"SELECT * FROM read_parquet([{files}])"  # noqa: S608 - literals

    @contextmanager
    def opening(
        self, connection: duckdb.DuckDBPyConnection, live: dict[str, list[str]] | None = None
    ) -> Iterator[None]:
        """What DuckDB and the disk say, as StoreError; with the name of the file where one cannot be read."""
        try:
            yield
        except StoreError:
            raise
        except WarehouseError as error:
            raise StoreError(error.detail) from error
        except (duckdb.Error, OSError) as error:
            # Memory or disk that is used up says nothing about files.
            is_room = isinstance(error, duckdb.OutOfMemoryException | OSError)
            damaged = None if is_room else self.damaged_among(live or {})
            if damaged:
                raise StoreError(
                    f"the file {damaged} of stored {damaged.partition('/')[0]} is missing or damaged:"
                    " put it back from a backup (docs/engines.md)"
                ) from error
            raise StoreError(f"the store could not carry this out: {_one_line(error)}") from error

    def damaged_among(self, live: dict[str, list[str]]) -> str | None:
        """The first of these files that cannot be read from its first column to its last; None if that takes too long to tell."""
        limit = TimeLimit()
        for paths in live.values():
            for path in paths:
                if not limit.left():
                    return None
                with self.reading(READ_MEMORY) as connection:
                    try:
                        whole = f"SELECT COUNT(*), MAX(HASH(items)) FROM read_parquet({literal(str(self.folder / path))}) AS items"  # noqa: S608 - a literal
                        connection.execute(whole).fetchall()
                    except (duckdb.Error, OSError):
                        return path
        return None


def sync(path: Path) -> None:
    """Until this returns, a power cut may take the file, or the names in the folder, away again."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _one_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
