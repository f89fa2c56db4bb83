"""The folder of the embedded warehouse: immutable files, one pointer, connections to read them.

`current.json` names the file that counts. A load writes a new file aside and renames the pointer, so a reader sees
the users of before or of after, never a mix, and a load killed at any moment leaves only litter, which the
next one clears away. Files are never opened for writing again, so readers of any process lock nobody.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast, get_args

import duckdb

from audience.specs import FilterType
from audience.warehouse.base import WarehouseQueryFailed, WarehouseUnavailable
from audience.warehouse.codes import Codes, sync
from audience.warehouse.codes_shelf import CODES_FROM, CodesShelf, remove

logger = logging.getLogger(__name__)

EMPTY_VERSION: Final = "empty"
READ_MEMORY: Final = "1GB"
_POINTER: Final = "current.json"
_LOCK: Final = "load.lock"
_USERS_PREFIX: Final = "users-"
STAGING_PREFIX: Final = "staging-"
# The names of our own files, to the letter: somebody else's that begin alike may lie in the same folder.
_STAGED: Final = re.compile(
    r"staging-(?:pointer\.json|[0-9a-f]{8}\.(?:duckdb(?:\.wal)?|spill)|\d+-[0-9a-f]{8}\.codes)"
)
_OF_GENERATION: Final = re.compile(r"(?:codes-)?(?P<stem>users-\d{6,}-[0-9a-f]{8})(?:\.duckdb(?:\.wal)?)?")
_OPEN_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Generation:
    """One load's file. `previous` is the file before, kept for readers who are about to open it."""

    version: str = EMPTY_VERSION
    number: int = 0
    file: str | None = None
    users: int = 0
    columns: Mapping[str, FilterType] = field(default_factory=dict)
    previous: str | None = None


class Store:
    """The folder; one per process and address."""

    def __init__(self, folder: Path, codes_from: int = CODES_FROM) -> None:
        self.folder = folder
        self._codes = CodesShelf(folder, codes_from, _open)
        self._lock = threading.Lock()
        self._opened: tuple[str, duckdb.DuckDBPyConnection] | None = None
        _STORES.add(self)

    # ---- the pointer -----------------------------------------------------------------------------------------

    def current(self) -> Generation:
        """What the pointer says now. A folder without one is an empty warehouse."""
        try:
            text = (self.folder / _POINTER).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return Generation()
        except OSError as error:
            raise WarehouseUnavailable(f"the warehouse cannot be read: {error.strerror}") from error
        try:
            return _generation(json.loads(text))
        except (ValueError, TypeError, KeyError) as error:
            raise WarehouseUnavailable("the warehouse's current.json is damaged") from error

    def publish(self, generation: Generation) -> None:
        """Make a written file the one that counts, durably. Only for the holder of `exclusively()`."""
        temporary = self.folder / f"{STAGING_PREFIX}pointer.json"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump({**asdict(generation), "columns": dict(generation.columns)}, file)
            file.flush()
            os.fsync(file.fileno())
        if generation.file is not None:
            sync(self.folder / generation.file)
            self._codes.prepare(
                generation.file, generation.users, self.folder / f"{STAGING_PREFIX}{generation.version}.codes"
            )
        temporary.replace(self.folder / _POINTER)
        sync(self.folder)

    # ---- loading ---------------------------------------------------------------------------------------------

    @contextmanager
    def exclusively(self) -> Iterator[Generation]:
        """The one load at a time; others wait. The kernel frees the lock of a killed process."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise WarehouseUnavailable(
                f"the warehouse's folder cannot be written: {error.strerror}"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                logger.info("another load of users is running; waiting for it to end")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            self.clear_litter()
            yield self.current()
        finally:
            # Closing alone would leave the lock to a child that was forked meanwhile.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def clear_litter(self) -> None:
        """Remove what killed loads left and files that no pointer names any more.

        Whoever still reads such a file keeps it: an open file outlives its name. What cannot be removed waits for the next load.
        """
        generation = self.current()
        wanted = {Path(file).stem for file in (generation.file, generation.previous) if file is not None}
        for path in self.folder.iterdir():
            known = _OF_GENERATION.fullmatch(path.name)
            if _STAGED.fullmatch(path.name) or (known is not None and known["stem"] not in wanted):
                remove(path)
        self._codes.clear_litter()

    def users_file(self, number: int, token: str) -> str:
        return f"{_USERS_PREFIX}{number:06d}-{token}.duckdb"

    def codes(self, generation: Generation) -> Codes | None:
        """Its codes, made now if nobody has made them. None: count without them."""
        return None if generation.file is None else self._codes.take(generation.file, generation.users)

    # ---- reading ---------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[tuple[Generation, duckdb.DuckDBPyConnection | None]]:
        """The current generation and a connection of the caller's own, None if the warehouse is empty.

        Its users are `store.users`. The connection stays good when a load replaces the file meanwhile.
        """
        generation, connection = self._connect()
        if connection is None:
            yield generation, None
            return
        try:
            yield generation, connection
        except duckdb.Error as error:
            raise query_failed(error) from error
        finally:
            connection.close()

    def _connect(self) -> tuple[Generation, duckdb.DuckDBPyConnection | None]:
        for attempt in range(_OPEN_ATTEMPTS):
            generation = self.current()
            if generation.file is None:
                return generation, None
            try:
                with self._lock:
                    if self._opened is None or self._opened[0] != generation.version:
                        self._opened = (generation.version, _open(self.folder / generation.file))
                    return generation, self._opened[1].cursor()
            except duckdb.Error as error:
                # Between the pointer and the file two loads can have come and gone: then the pointer has moved.
                if self.current().version == generation.version or attempt == _OPEN_ATTEMPTS - 1:
                    raise WarehouseUnavailable(
                        f"the warehouse's file cannot be opened: {first_line(error)}"
                    ) from error
        raise AssertionError("unreachable")

    def forget_connection(self) -> None:
        self._opened = None

    def renew_lock(self) -> None:
        self._lock = threading.Lock()


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    """A database of its own in memory, to which the file is attached: DuckDB would otherwise share one instance per
    path and process, and an instance does not survive a fork."""
    connection = duckdb.connect(":memory:", config={"memory_limit": READ_MEMORY, **NO_EXTENSIONS})
    connection.execute(f"ATTACH {quoted(path)} AS store (READ_ONLY)")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


NO_EXTENSIONS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_STORES: weakref.WeakSet[Store] = weakref.WeakSet()


def _forget_before_fork() -> None:
    # A child has the memory of a DuckDB instance but not its threads: using it hangs, freeing it aborts.
    for store in list(_STORES):
        store.forget_connection()


def _renew_after_fork() -> None:
    # Another thread may have held the lock at the fork; in the child nobody would ever release it.
    for store in list(_STORES):
        store.renew_lock()


os.register_at_fork(before=_forget_before_fork, after_in_child=_renew_after_fork)


def quoted(path: Path) -> str:
    """A path as a string in SQL."""
    return "'" + str(path).replace("'", "''") + "'"


def first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def query_failed(error: duckdb.Error | OSError) -> WarehouseQueryFailed:
    return WarehouseQueryFailed(f"the warehouse could not carry this out: {first_line(error)}")


def _generation(raw: Any) -> Generation:
    columns = {str(name): kind for name, kind in raw["columns"].items()}
    if not set(columns.values()) <= set(get_args(FilterType)):
        raise ValueError("unknown column type")
    return Generation(
        version=str(raw["version"]),
        number=int(raw["number"]),
        file=str(raw["file"]),
        users=int(raw["users"]),
        columns=cast(dict[str, FilterType], columns),
        previous=raw["previous"],
    )
