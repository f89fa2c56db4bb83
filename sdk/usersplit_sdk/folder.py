"""A delivery folder, read so that a half-written, broken or hostile one harms nothing but itself."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from usersplit_sdk.documents import FILE_LIMIT
from usersplit_sdk.loading import Source, load
from usersplit_sdk.manifest import DELIVERED, MANIFEST, Manifest, ManifestReader
from usersplit_sdk.snapshots import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DELIVERED", "MANIFEST", "Folder", "read_file"]

# Opening a pipe would wait for a writer for ever; Windows would translate line ends.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
FRESH_SECONDS = 3.0
"""Two changes within the resolution of a file system's clock look like one, so a manifest that is younger than
this is read again."""


class Stamp(NamedTuple):
    """What changes whenever a file is replaced."""

    modified: int
    changed: int
    size: int
    inode: int


class Folder(Source):
    """Reads the delivery folder at ``path``. Safe in threads and forks: it remembers nothing but the manifest."""

    pauses: tuple[float, ...] = (0.05,) * 10

    def __init__(self, path: str | os.PathLike[str]) -> None:
        name = os.fspath(path)
        # Importing pathlib would take longer than all that is here. ".." stays: it may lead out of a link.
        self.where = name if os.path.isabs(name) else os.path.join(os.getcwd(), name)  # noqa: PTH109, PTH117, PTH118
        self._reader = ManifestReader()
        self._stamp: Stamp | None = None

    @property
    def path(self) -> Path:
        """Where it is, absolute."""
        from pathlib import Path  # noqa: PLC0415

        return Path(self.where)

    def load(self, previous: Snapshot, *, settle: bool = True) -> Snapshot:
        """The folder's content now, taking over from ``previous`` what is unchanged.

        Raises ``InvalidDocument`` or ``OSError`` if the manifest itself cannot be used.
        """
        return load(self, self.read_manifest(), previous, {}, settle=settle)[1]

    def read_manifest(self) -> Manifest:
        """Read and check the manifest if it was replaced since the last time; else one ``stat``."""
        stamp = self._look()
        if stamp is not None and stamp == self._stamp:
            return self._reader.again()
        # The stamp is older than what is read after it, so that a change in between is seen the next time.
        body = read_file(self.where, MANIFEST)
        try:
            return self._reader.parse(body)
        finally:
            # Afterwards: a child forked in between must not take the last content for this one.
            self._stamp = None if stamp is None or _is_fresh(stamp) else stamp

    def read(self, path: str, checksum: str = "") -> bytes:
        """The bytes of a file in the folder; raises ``OSError``."""
        return read_file(self.where, path)

    def _look(self) -> Stamp | None:
        try:
            found = os.stat(f"{self.where}{os.sep}{MANIFEST}")  # noqa: PTH116 - it is all that a poll does
        except (OSError, ValueError):
            return None
        return Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def read_file(folder: str, name: str) -> bytes:
    """The bytes of a regular file of at most ``FILE_LIMIT``; anything else, pipes and devices, is an ``OSError``."""
    # Plain system calls: a thousand small files through file objects take twice as long.
    descriptor = os.open(f"{folder}{os.sep}{name}", OPEN_FLAGS)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{name} is no regular file")
        if found.st_size > FILE_LIMIT:
            raise OSError(f"{name} is larger than {FILE_LIMIT} bytes")
        # A file that grows or shrinks meanwhile is not what the manifest lists, which its checksum tells.
        body = os.read(descriptor, found.st_size)
        while len(body) < found.st_size and (more := os.read(descriptor, found.st_size - len(body))):
            body += more
        return body
    finally:
        os.close(descriptor)


def _is_fresh(stamp: Stamp) -> bool:
    return abs(time.time_ns() - stamp.changed) < FRESH_SECONDS * 1e9
