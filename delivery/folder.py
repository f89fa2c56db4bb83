"""The delivery folder on disk. No framework and no database here: it is told what should be in it.

Whoever reads the folder while it is written, or after the writer was killed anywhere, finds whole files, and a
manifest only after everything it lists.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import DomainError
from delivery.formats import FOLDERS, MANIFEST, checksum, is_delivered_path

_READABLE: Final = 0o644
_PASSABLE: Final = 0o755
# What a writer that was killed may leave behind.
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")

Bodies = Callable[[Collection[str]], Mapping[str, bytes]]
"""From checksums to the bytes of the files."""


class FolderUnusable(DomainError):
    """The delivery folder cannot be written. What readers find there stays as it was."""

    code = "delivery_folder"
    title = "The delivery folder cannot be written"
    status = 503


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What was done to a folder: paths within it, and how many files were right already."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0


class DeliveryFolder:
    """The folder at `path`, made if it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only writer while inside; others wait. The kernel frees the lock however its holder ends.

        Raises FolderUnusable, also for what goes wrong with the folder inside the block.
        """
        try:
            descriptor = self._lock()
            try:
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            place = f" ({error.filename})" if error.filename and str(error.filename) != str(self.path) else ""
            raise FolderUnusable(
                f"The delivery folder {self.path} cannot be written: {error.strerror or error}{place}. "
                "Set DELIVERY_DIR to a folder that this process may write."
            ) from error

    def manifest(self) -> bytes:
        """The manifest that lies there, whatever it is worth; empty without one."""
        return self._read(MANIFEST) or b""

    def write(self, manifest: bytes, files: Mapping[str, str], bodies: Bodies) -> FolderChanges:
        """Make the folder hold exactly `files` (path → checksum) and `manifest`, whatever it holds now.

        Every file is looked at, so damage is mended. Nothing is renamed before all is safely on disk beside its
        place, so the time in which files are ahead of their manifest is a few renames long; and nothing is removed
        while a manifest still lists it. The caller holds the lock.
        """
        for name in FOLDERS:
            self._make_directory(self.path / name)
        wrong = [path for path, wanted in files.items() if checksum(self._read(path) or b"") != wanted]
        staged: dict[str, Path] = {}
        try:
            content = bodies({files[path] for path in wrong})
            for path in wrong:
                staged[path] = self._stage(path, content[files[path]])
            if self._read(MANIFEST) != manifest:
                staged[MANIFEST] = self._stage(MANIFEST, manifest)
            for path in wrong:
                staged[path].replace(self.path / path)
            for name in {Path(path).parts[0] for path in wrong}:
                _flush(self.path / name)
            if MANIFEST in staged:
                staged[MANIFEST].replace(self.path / MANIFEST)
                _flush(self.path)
        finally:
            for temporary in staged.values():
                temporary.unlink(missing_ok=True)
        return FolderChanges(tuple(wrong), tuple(self._tidy(files)), len(files) - len(wrong))

    def _lock(self) -> int:
        while True:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._make_directory(self.path)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # While we waited the folder may have been removed and made again: then this locks nothing.
                if os.path.samestat(os.fstat(descriptor), self.path.stat()):
                    return descriptor
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _read(self, path: str) -> bytes | None:
        """The bytes of a regular file, None for anything else: a folder, a pipe, nothing at all."""
        place = self.path / path
        return place.read_bytes() if place.is_file() and not place.is_symlink() else None

    def _stage(self, path: str, body: bytes) -> Path:
        """The new content of `path`, safely on disk beside it."""
        place = self.path / path
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(8)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _READABLE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                # Others read these, whatever the umask of this process.
                os.fchmod(file.fileno(), _READABLE)
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _tidy(self, files: Mapping[str, str]) -> Iterator[str]:
        """Remove what left the manifest, and what killed writers left behind; what is not ours stays."""
        for name in ("", *FOLDERS):
            for place in sorted((self.path / name).iterdir()):
                path = f"{name}/{place.name}"
                if _TEMPORARY.fullmatch(place.name):
                    place.unlink(missing_ok=True)
                elif is_delivered_path(path) and path not in files:
                    place.unlink(missing_ok=True)
                    yield path

    @staticmethod
    def _make_directory(place: Path) -> None:
        with suppress(FileExistsError):
            place.mkdir()
            place.chmod(_PASSABLE)


def _flush(directory: Path) -> None:
    """A rename is safe once its directory is on disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
