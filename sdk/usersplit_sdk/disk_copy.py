"""The last good copy of a server's delivery, on disk, for a start while the server is down.

``files/<checksum>`` are named by their content and ``manifest.json`` is replaced last and as a whole, so however
many processes share the folder, none of them ever reads a mix. What lies there is checked like anything else.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

from usersplit_sdk.documents import FORMAT, read_json
from usersplit_sdk.folder import read_file
from usersplit_sdk.loading import Source
from usersplit_sdk.manifest import MANIFEST, Manifest, parse_manifest
from usersplit_sdk.snapshots import Snapshot

FILES = "files"
PRUNE_SECONDS = 3600.0
"""A file stays this long after it was last listed: another process may be about to list it again."""
TOUCH_SECONDS = 60.0
"""How exactly the age of a copy is known."""


class DiskCopy(Source):
    """The copy of the delivery of the server at ``url``, in a folder of its own below ``folder``.

    Methods raise ``OSError`` for what the disk refuses. Nobody but the process's user may be able to write there, as
    whoever can write a manifest can write any test.
    """

    def __init__(self, folder: Path, url: str) -> None:
        digest = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._place = folder.absolute() / f"delivery-{digest}"
        self._files = self._place / FILES
        self._manifest = self._place / MANIFEST
        self._names: set[str] = set()
        self._listed: set[str] = set()
        self._touched = -TOUCH_SECONDS
        self.where = str(self._place)

    def read_manifest(self) -> Manifest:
        """The manifest of the copy; raises ``InvalidDocument`` or ``OSError``."""
        check_owner(self._place)
        manifest = parse_manifest(read_json(read_file(self.where, MANIFEST)))
        self._listed = {checksum for checksum in manifest.files.values() if isinstance(checksum, str)}
        return manifest

    def read(self, path: str, checksum: str) -> bytes:
        """The bytes of a file in the copy."""
        return read_file(str(self._files), checksum)

    def age(self) -> float | None:
        """For how many seconds nobody has seen that the copy is up to date; None if its clock cannot be right."""
        age = time.time() - self._manifest.stat().st_mtime
        return age if age >= 0 else None

    def keep(self, checksum: str, body: bytes, *, flush: bool = True) -> None:
        """Store a file's bytes, which are those of the checksum; ``flush``: on the disk before this returns."""
        self._make_folders()
        _write(self._files / checksum, body, flush=flush)
        self._names.add(checksum)

    def missing(self, snapshot: Snapshot) -> dict[str, str]:
        """Files of the snapshot that are not stored, path → checksum: all, if somebody has cleared the folder."""
        self._make_folders()
        self._names = set(os.listdir(self._files))  # noqa: PTH208 - a thousand paths take ten times as long
        files = _files_of(snapshot)
        lacking = set(files.values()) - self._names
        return {path: checksum for path, checksum in files.items() if checksum in lacking} if lacking else {}

    def finish(self, snapshot: Snapshot) -> None:
        """Make the snapshot the copy, after ``missing``: those of its files that are stored. Remove what is over."""
        files = {path: checksum for path, checksum in _files_of(snapshot).items() if checksum in self._names}
        document = {
            "format": FORMAT,
            "version": snapshot.version,
            "published_at": snapshot.published_at,
            "files": files,
            "tests_off": {
                "user_ids": sorted(snapshot.tests_off.user_ids),
                "device_ids": sorted(snapshot.tests_off.device_ids),
            },
        }
        _write(self._manifest, json.dumps(document).encode(), flush=True)
        self._touched = time.monotonic()
        self._prune(set(files.values()))

    def touch(self) -> None:
        """Note that the copy is up to date; ``FileNotFoundError`` if there is none any more."""
        if time.monotonic() - self._touched >= TOUCH_SECONDS:
            os.utime(self._manifest)
            self._touched = time.monotonic()

    def _make_folders(self) -> None:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self._place.mkdir(mode=0o700, exist_ok=True)
        check_owner(self._place)
        self._files.mkdir(mode=0o700, exist_ok=True)

    def _prune(self, listed: set[str]) -> None:
        now = time.time()
        for name in self._names - listed:
            place = self._files / name
            with suppress(OSError):
                if name in self._listed:
                    os.utime(place)  # its time begins now
                elif now - place.stat().st_mtime > PRUNE_SECONDS:
                    place.unlink()
        self._listed = listed


def default_cache_folder() -> Path:
    """Where the user's programs keep what they can do without; for a user without a home, a place of his own."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "usersplit"
    except RuntimeError:
        return Path(gettempdir()) / f"usersplit-{os.getuid()}"


def _files_of(snapshot: Snapshot) -> Mapping[str, str]:
    return {path: entry.checksum for path, entry in snapshot.files.items() if entry.checksum}


def _write(place: Path, body: bytes, *, flush: bool) -> None:
    """Replace a file as a whole; with ``flush`` only once the new content is on the disk."""
    temporary = place.with_name(f"{place.name}.{secrets.token_hex(8)}.tmp")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            if flush:
                os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def check_owner(place: Path) -> None:
    """Is it a folder into which nobody else writes? Where files have no such owners, nothing is asked."""
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(f"{place} is no folder")
    if hasattr(os, "geteuid") and (found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o022):
        raise OSError(f"others can write into {place}")
