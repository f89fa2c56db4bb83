"""The codes of a store's generations: made with a load or when they are first missed, by one process at a time."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import duckdb

from audience.warehouse.codes import Codes, has_codes, open_codes, write_codes

logger = logging.getLogger(__name__)

CODES_FROM: Final = 50_000
"""Users from which codes are worth their files: fewer are scanned as quickly."""
CODES_PREFIX: Final = "codes-"
_LOCK: Final = "codes.lock"
_STAGED: Final = re.compile(r"staging-[0-9a-f]{8}\.codes")
_NOT_AGAIN_FOR: Final = 300.0
"""Seconds before a process tries once more what failed: the disk may have room by then."""


class CodesShelf:
    """`open_users` opens a file of users as `store.users`, on a connection that the shelf closes."""

    def __init__(
        self, folder: Path, users_from: int, open_users: Callable[[Path], duckdb.DuckDBPyConnection]
    ) -> None:
        self.folder = folder
        self.users_from = users_from
        self.open_users = open_users
        self._opened: Codes | None = None
        self._failed: dict[str, float] = {}

    def take(self, file: str, users: int) -> Codes | None:
        """The codes of a file of users, made now if they are missing. None: count without them."""
        if users < self.users_from:
            return None
        target = self._folder_of(file)
        opened = self._opened
        if opened is not None and opened.folder == target and has_codes(target):
            return opened
        codes = open_codes(target)
        if codes is None and time.monotonic() >= self._failed.get(file, 0.0):
            codes = self._make(file, target)
        if codes is not None:
            self._opened = codes
        return codes

    def prepare(self, file: str, users: int, staging: Path) -> None:
        """Make the codes of a file that is about to count. It counts without them if that is not possible."""
        if users >= self.users_from:
            self._write(file, self._folder_of(file), staging)

    def clear_litter(self) -> None:
        """Remove what processes left that were killed while they made missing codes; nothing while one is at it."""
        if self._staged():
            with suppress(OSError), self._alone():
                self._clear_staged()

    def _folder_of(self, file: str) -> Path:
        return self.folder / f"{CODES_PREFIX}{Path(file).stem}"

    def _make(self, file: str, target: Path) -> Codes | None:
        try:
            # Whoever comes second does not wait: counting without codes takes less long than making them.
            with self._alone():
                found = open_codes(target)
                if found is not None:
                    return found
                self._clear_staged()
                return self._write(file, target, self.folder / f"staging-{secrets.token_hex(4)}.codes")
        except BlockingIOError:
            return None
        except OSError as error:
            self._give_up(file, error)
            return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """As the only process that makes missing codes. Raises BlockingIOError when another one is at it, OSError."""
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _staged(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if _STAGED.fullmatch(path.name)]

    def _clear_staged(self) -> None:
        for path in self._staged():
            remove(path)

    def _write(self, file: str, target: Path, staging: Path) -> Codes | None:
        try:
            with closing(self.open_users(self.folder / file)) as connection:
                codes = write_codes(connection, target, staging)
        except (OSError, duckdb.Error) as error:
            self._give_up(file, error)
            return None
        if codes is None:
            self._give_up(file, ValueError("its users are not in the order of their split groups"))
        return codes

    def _give_up(self, file: str, error: Exception) -> None:
        self._failed[file] = time.monotonic() + _NOT_AGAIN_FOR
        logger.warning("the users of %s are counted without codes: %s", file, error)


def remove(path: Path) -> None:
    """Remove a file, a link (never what it leads to) or a folder with all that is in it; what cannot be is logged."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("%s cannot be removed: %s", path, error)
