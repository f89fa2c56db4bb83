"""A delivery folder, read so that a half-written, broken or hostile one harms nothing but itself.

Writers put files first and the manifest last. A reader that finds a file newer than its manifest therefore
waits a moment for the manifest to follow, before it settles for the last good copy of that file.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usersplit_sdk.documents import FILE_LIMIT, FORMAT, read_json
from usersplit_sdk.engine import TestsOff
from usersplit_sdk.errors import InvalidDocument, Problem
from usersplit_sdk.snapshots import Entry, Snapshot, compile_entry, parse_tests_off

MANIFEST = "manifest.json"
# Only these names are ever opened, so that no manifest can point out of its folder.
DELIVERED = re.compile(r"(?:tests|groups)/[a-z][a-z0-9_]{1,63}\.json")
CHECKSUM = re.compile(r"[0-9a-f]{64}")
ATTEMPTS = 10
PAUSE_SECONDS = 0.05

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The list of a delivery: checksums by path, for the paths that are acceptable; the others are problems.

    A checksum that is none at all is None: that file cannot be used, but it is known to exist.
    """

    version: int
    published_at: str | None
    files: Mapping[str, str | None]
    tests_off: TestsOff
    problems: tuple[Problem, ...]


class Folder:
    """Reads the delivery folder at ``path``; keeps nothing but the path, so it is safe in threads and forks."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()

    def stamp(self) -> Stamp | None:
        """What changes whenever the manifest is replaced; None while there is none. One ``stat``."""
        try:
            found = (self.path / MANIFEST).stat()
        except (OSError, ValueError):
            return None
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

    def load(self, previous: Snapshot, *, settle: bool = True) -> Snapshot:
        """The folder's content now, taking over from ``previous`` what is unchanged.

        ``settle``: wait a moment (half a second at most) for files and manifest to agree. Raises ``InvalidDocument`` or ``OSError`` if the manifest itself cannot be used.
        """
        snapshot = self._load_once(previous)
        for _ in range(ATTEMPTS if settle else 0):
            if not snapshot.unsettled:
                break
            time.sleep(PAUSE_SECONDS)
            snapshot = self._load_once(snapshot)
        return snapshot

    def read_manifest(self) -> Manifest:
        """Read and check the manifest; raises ``InvalidDocument`` or ``OSError``."""
        return parse_manifest(read_json(self.read(MANIFEST)))

    def read(self, path: str) -> bytes:
        """The bytes of a file in the folder; refuses devices, pipes and files over the limit (``OSError``)."""
        # Opening a pipe would wait for a writer for ever.
        descriptor = os.open(self.path / path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{path} is no regular file")
            body = file.read(FILE_LIMIT + 1)
        if len(body) > FILE_LIMIT:
            raise OSError(f"{path} is larger than {FILE_LIMIT} bytes")
        return body

    def _load_once(self, previous: Snapshot) -> Snapshot:
        manifest = self.read_manifest()
        files: dict[str, Entry] = {}
        problems = list(manifest.problems)
        unsettled = False
        for path, checksum in manifest.files.items():
            known = previous.files.get(path)
            try:
                entry = known if known and known.checksum == checksum else self._entry(path, checksum)
            except (OSError, _Mismatch) as problem:
                unsettled = True
                message = "is missing" if isinstance(problem, FileNotFoundError) else str(problem)
                entry = known if known and known.test else Entry("", None, message)
                kept = "; its last good copy is used" if entry.test else ""
                problems.append(Problem(path, message + kept))
            else:
                if entry.error is not None:
                    problems.append(Problem(path, entry.error))
            files[path] = entry
        return Snapshot(
            files=files,
            version=manifest.version,
            published_at=manifest.published_at,
            tests_off=manifest.tests_off,
            problems=tuple(problems),
            unsettled=unsettled,
        )

    def _entry(self, path: str, checksum: str | None) -> Entry:
        if checksum is None:
            raise _Mismatch("its checksum in the manifest is no SHA-256")
        body = self.read(path)
        if hashlib.sha256(body).hexdigest() != checksum:
            raise _Mismatch("is not the file that the manifest lists (checksum)")
        try:
            document = read_json(body)
        except InvalidDocument as problem:
            return Entry(checksum, None, str(problem))
        return compile_entry(path, document, checksum)


class _Mismatch(Exception):
    pass


def parse_manifest(document: object) -> Manifest:
    """Check a manifest; raises ``InvalidDocument`` if it cannot be used at all."""
    if not isinstance(document, dict):
        raise InvalidDocument("", "must be an object")
    if document.get("format") != FORMAT or isinstance(document.get("format"), (bool, float)):
        raise InvalidDocument("format", f"must be {FORMAT}")
    version, files, published_at = (document.get(name) for name in ("version", "files", "published_at"))
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise InvalidDocument("version", "must be a whole number")
    if not isinstance(files, dict):
        raise InvalidDocument("files", "must be an object")
    accepted: dict[str, str | None] = {}
    problems: list[Problem] = []
    for path, checksum in files.items():
        if DELIVERED.fullmatch(path) is None:
            problems.append(Problem(MANIFEST, f"files: {path[:100]!a} is not a path of a delivery"))
        else:
            sound = isinstance(checksum, str) and CHECKSUM.fullmatch(checksum) is not None
            accepted[path] = checksum if sound else None
    return Manifest(
        version=version,
        published_at=published_at if isinstance(published_at, str) else None,
        files=accepted,
        tests_off=parse_tests_off(document.get("tests_off")),
        problems=tuple(problems),
    )
