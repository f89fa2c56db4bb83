"""Hits on disk until a server has them: a folder that processes share, and in which nothing is lost when one is killed.

    <spool>/<process>-<random>/lock          held (flock) for as long as the process lives; the kernel frees it
    <spool>/<process>-<random>/<moment>-<batch id>.hits
    <spool>/aside/                           files with damaged lines, and batches that no server takes

A file is a batch: it is appended to, line by line, until it is sent for the first time, and never after. It goes when
the server has it. What a dead process left, whoever comes first moves to its own folder, under the same names.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from usersplit_sdk.disk_copy import check_owner
from usersplit_sdk.hit_batches import Batch, half_ids

try:
    import fcntl
except ImportError:  # no such locks on this system
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
ASIDE = "aside"
ASIDE_LIMIT = 20
"""Files that are kept for somebody to look at."""
ABANDONED_SECONDS = 3600.0
"""A folder without a lock belongs to nobody, if nobody has made one for so long."""
FILE_BYTES = 16 * 1024 * 1024
"""No file of ours is larger."""
_OWNED = re.compile(r"[0-9]{1,10}-[0-9a-f]{16}")
MANY_FOLDERS = 64
"""Of processes, living and dead: with more of them the oldest hits of the dead are dropped, so that the disk does not fill."""
_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.hits")


class Segment:
    """The file of a batch that is still being filled. Methods raise ``OSError`` for what the disk refuses."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o600)

    def append(self, data: bytes) -> None:
        """Write lines, all of them or none; ``FileNotFoundError`` if somebody has removed the file."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
            if os.fstat(self._file).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "somebody has removed it", self.path)
        except OSError:
            # On a full disk part of it may have been taken.
            with suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self.size += written

    def close(self) -> None:
        """Let go of the file, which stays."""
        with suppress(OSError):
            os.close(self._file)


class Spool:
    """This process's part of the spool at ``folder``. For one thread at a time; methods raise ``OSError``.

    Nobody but the process's user may be able to write there: whoever can makes up hits.
    """

    def __init__(self, folder: Path) -> None:
        self._own: Path | None = None
        self._lock = -1
        self.folder = folder.absolute()

    def begin(self, batch_id: str, began: int) -> Segment:
        """A new, empty file for a batch."""
        try:
            return Segment(str(self._place() / _name(batch_id, began)))
        except FileNotFoundError:
            self._let_go()  # somebody has removed our folder
            return Segment(str(self._place() / _name(batch_id, began)))

    def write(self, batch_id: str, began: int, lines: bytes, hits: int) -> Batch:
        """A whole batch at once: after a kill in the middle of this there is none of it."""
        path = str(self._place() / _name(batch_id, began))
        segment = Segment(f"{path}.{secrets.token_hex(4)}.part")
        try:
            segment.append(lines)
            Path(segment.path).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(segment.path).unlink()
            raise
        finally:
            segment.close()
        return Batch(batch_id, began, path=path, hits=hits, size=len(lines))

    @staticmethod
    def read(batch: Batch) -> bytes:
        """What lies in a batch's file, up to the size that it is known to have."""
        with Path(batch.path or "").open("rb") as file:
            return file.read(batch.size)

    @staticmethod
    def remove(batch: Batch) -> None:
        """The server has it, or nobody wants it."""
        if batch.path is not None:
            with suppress(FileNotFoundError):
                Path(batch.path).unlink()

    def set_aside(self, batch: Batch) -> Path:
        """Keep its file for somebody to look at, in the place of the oldest of those that are; answers where."""
        aside = self.folder / ASIDE
        aside.mkdir(mode=0o700, exist_ok=True)
        Path(batch.path or "").replace(aside / Path(batch.path or "").name)
        for surplus in sorted(aside.iterdir())[:-ASIDE_LIMIT]:
            with suppress(OSError):
                surplus.unlink()
        return aside

    def adopt(self, has_room: Callable[[], bool]) -> Iterator[Batch | OSError]:
        """Take over what dead processes left, oldest first in each; yields what cannot be taken over as well.

        What there is no room for stays where it is, for others or for later, unless there are too many folders already.
        """
        try:
            check_owner(self.folder)
            places = sorted(place for place in self.folder.iterdir() if _OWNED.fullmatch(place.name))
        except FileNotFoundError:
            return
        except OSError as problem:
            yield problem
            return
        takes: Callable[[], bool] = has_room if len(places) <= MANY_FOLDERS else lambda: True
        for place in places:
            if place != self._own:
                try:
                    yield from self._adopt_from(place, takes)
                except OSError as problem:
                    yield problem

    def after_fork(self) -> None:
        """Leave to the parent what is its own. Closing the lock here does not free it there."""
        self._let_go()

    def close(self) -> None:
        """Let others take over what is left."""
        if self._own is not None:
            with suppress(OSError):
                if {entry.name for entry in self._own.iterdir()} == {LOCK}:
                    (self._own / LOCK).unlink()
                    self._own.rmdir()
        self._let_go()

    def __del__(self) -> None:
        # A forgotten sink must not hold for the rest of the process what another could send.
        self._let_go()

    # ---- inside ------------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        if self._lock >= 0:
            with suppress(OSError):
                os.close(self._lock)
        self._lock = -1
        self._own = None

    def _place(self) -> Path:
        """The folder of this process, made when it is needed first."""
        if self._own is not None:
            return self._own
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        check_owner(self.folder)
        for _ in range(5):
            place = self.folder / f"{os.getpid()}-{secrets.token_hex(8)}"
            # Before there is a lock in it, somebody who adopts may take it for a dead one's and remove it.
            with suppress(FileNotFoundError, BlockingIOError):
                place.mkdir(mode=0o700)
                self._lock = _lock(place, os.O_CREAT)
                self._own = place
                return place
        raise OSError(f"no folder can be kept in {self.folder}")

    def _adopt_from(self, place: Path, has_room: Callable[[], bool]) -> Iterator[Batch]:
        with _locked(place) as is_dead:
            if not is_dead:
                return
            check_owner(place)
            names = {entry.name for entry in place.iterdir()}
            found = {match[2]: match[0] for match in map(_NAME.fullmatch, names) if match is not None}
            # Killed while it halved a batch: as long as that is there, nobody has sent a half.
            halves = {half for batch_id in found for half in half_ids(batch_id)}
            # All of them before anything is moved: whoever follows a killed adopter must not find halves without their whole.
            for batch_id in halves & found.keys():
                (place / found.pop(batch_id)).unlink()
            for name in sorted(found.values()):
                if not has_room():
                    return
                batch = self._take(place / name)
                if batch is not None:
                    yield batch
            for entry in place.iterdir():
                entry.unlink()
            place.rmdir()

    def _take(self, path: Path) -> Batch | None:
        """Move a file here; None for one in which nothing was written yet."""
        size = path.stat().st_size
        if not size:
            path.unlink()
            return None
        mine = self._place() / path.name
        path.replace(mine)
        began, batch_id = int(path.name[:16], 16), path.name[17:53]
        batch = Batch(batch_id, began, path=str(mine), size=size)
        if size > FILE_BYTES:
            self.set_aside(batch)
            raise OSError(f"{path.name} is too large to be of hits; it is set aside")
        return batch


@contextmanager
def _locked(place: Path) -> Iterator[bool]:
    """Is it a folder that nobody holds? Then we do, inside."""
    try:
        abandoned = time.time() - place.stat().st_mtime > ABANDONED_SECONDS
        descriptor = _lock(place, os.O_CREAT if abandoned else 0)
    except (FileNotFoundError, BlockingIOError):
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)


def _lock(place: Path, flags: int) -> int:
    """The descriptor that holds a folder's lock; ``BlockingIOError`` if another does, or somebody has removed it."""
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "a spool needs the locks of fcntl, which this system has not")
    descriptor = os.open(place / LOCK, os.O_RDWR | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink == 0:
            raise BlockingIOError(errno.EAGAIN, "it was removed meanwhile")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _name(batch_id: str, began: int) -> str:
    return f"{began & 0xFFFFFFFFFFFFFFFF:016x}-{batch_id}.hits"
