"""From a source to a snapshot: the one place with the rules about checksums and last good copies.

A source is a folder, a server or the disk copy of one. Writers put files first and the manifest last. A reader that
finds a file newer than its manifest therefore looks again a little later, before it settles for the last good copy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext

from usersplit_sdk.documents import read_json
from usersplit_sdk.errors import InvalidDocument, Problem
from usersplit_sdk.manifest import CHECKSUM, DELIVERED, MANIFEST, Manifest
from usersplit_sdk.snapshots import Entry, Snapshot, compile_entry

STRAYS_NAMED = 20
"""Paths that no delivery has, of which a manifest may hold 100,000: so many are told one by one."""

Keep = Callable[[str, bytes], None]
"""Takes the checksum and the bytes of a file that is what its manifest lists."""


class Mismatch(Exception):
    """A file is not what the manifest lists."""


class Source:
    """Where a delivery is read. ``where`` names it in messages.

    ``pauses`` are the seconds between further looks while a file and the manifest do not agree; if that lasts,
    there is a look every ``longest_pause`` seconds in the end.
    """

    where = ""
    pauses: tuple[float, ...] = ()
    longest_pause = 5.0

    def session(self) -> AbstractContextManager[object]:
        """All that one refresh reads, is read within one of these."""
        return nullcontext()

    def read_manifest(self) -> Manifest:
        """The manifest there is now: the same object as the last time if it is still the same.

        Raises ``InvalidDocument`` or ``OSError``.
        """
        raise NotImplementedError

    def read(self, path: str, checksum: str) -> bytes:
        """The bytes of one file, at most ``FILE_LIMIT``, not checked further; raises ``OSError``."""
        raise NotImplementedError

    def read_each(self, wanted: Mapping[str, str]) -> Iterable[tuple[str, bytes | OSError]]:
        """The bytes of files (path → checksum), in any order, or why one cannot be read.

        Raises ``OSError`` where there is no point in going on with the others.
        """
        for path, checksum in wanted.items():
            yield path, self.attempt(path, checksum)

    def attempt(self, path: str, checksum: str) -> bytes | OSError:
        """The bytes of one file, or why it cannot be read."""
        try:
            return self.read(path, checksum)
        except OSError as problem:
            return problem


def load(
    source: Source,
    manifest: Manifest,
    previous: Snapshot,
    fetched: dict[str, Entry],
    *,
    keep: Keep | None = None,
    settle: bool = True,
) -> tuple[Manifest, Snapshot]:
    """The source's content, taking over from ``previous`` and ``fetched`` what is unchanged; and its manifest.

    ``fetched`` collects what was read, so that a load that was broken off does not begin from nothing. ``settle``:
    wait a moment for files and manifest to agree. Raises ``InvalidDocument`` or ``OSError`` if the manifest, or
    the source as a whole, cannot be used.
    """
    snapshot = _load_once(source, manifest, previous, fetched, keep)
    for pause in source.pauses if settle else ():
        if not snapshot.unsettled:
            break
        time.sleep(pause)
        manifest = source.read_manifest()
        snapshot = _load_once(source, manifest, snapshot, fetched, keep)
    return manifest, snapshot


def check_body(body: bytes | OSError, checksum: str) -> bytes:
    """The bytes, if they are those that the manifest lists; else raises ``Mismatch`` or the ``OSError`` itself."""
    from hashlib import sha256  # noqa: PLC0415 - it loads OpenSSL, which importing the package need not wait for

    if isinstance(body, OSError):
        raise body
    if sha256(body).hexdigest() != checksum:
        raise Mismatch("is not the file that the manifest lists (checksum)")
    return body


def _load_once(
    source: Source, manifest: Manifest, previous: Snapshot, fetched: dict[str, Entry], keep: Keep | None
) -> Snapshot:
    files, wanted, problems = _take_over(manifest, previous.files, fetched)
    failed: dict[str, Exception] = {}
    for path in [path for path, checksum in wanted.items() if CHECKSUM.fullmatch(checksum) is None]:
        del wanted[path]
        failed[path] = Mismatch("its checksum in the manifest is no SHA-256")
    for path, body in source.read_each(wanted) if wanted else ():
        checksum = wanted[path]
        try:
            sound = check_body(body, checksum)
        except (OSError, Mismatch) as problem:
            failed[path] = problem
            continue
        if keep is not None:
            keep(checksum, sound)
        files[path] = fetched[path] = entry = _compile(path, sound, checksum)
        if entry.error is not None:
            problems.append(Problem(path, entry.error))
    for path, failure in failed.items():
        files[path], problem_told = _last_good(path, failure, previous.files.get(path))
        problems.append(problem_told)
    return Snapshot(
        files=files,
        version=manifest.version,
        published_at=manifest.published_at,
        tests_off=manifest.tests_off,
        problems=tuple(problems),
        unsettled=bool(failed),
    )


def _take_over(
    manifest: Manifest, known: Mapping[str, Entry], fetched: Mapping[str, Entry]
) -> tuple[dict[str, Entry], dict[str, str], list[Problem]]:
    """What is unchanged, what has to be read (path → checksum, as the manifest has it), and what is wrong."""
    files: dict[str, Entry] = {}
    wanted: dict[str, str] = {}
    problems: list[Problem] = []
    strays = 0
    for path, checksum in manifest.files.items():
        # Whatever is known has an acceptable path, so only news need a closer look.
        entry = known.get(path)
        if entry is None or entry.checksum != checksum:
            entry = fetched.get(path)
        if entry is not None and entry.checksum == checksum:
            files[path] = entry
            if entry.error is not None:
                problems.append(Problem(path, entry.error))
        elif DELIVERED.fullmatch(path) is not None:
            wanted[path] = checksum if isinstance(checksum, str) else ""
        else:
            strays += 1
            if strays <= STRAYS_NAMED:
                problems.append(Problem(MANIFEST, f"files: {path[:100]!a} is not a path of a delivery"))
    if strays > STRAYS_NAMED:
        problems.append(Problem(MANIFEST, f"files: {strays - STRAYS_NAMED} more are not paths of a delivery"))
    return files, wanted, problems


def _compile(path: str, body: bytes, checksum: str) -> Entry:
    try:
        document = read_json(body)
    except InvalidDocument as problem:
        return Entry(checksum, None, str(problem))
    return compile_entry(path, document, checksum)


def _last_good(path: str, failure: Exception, known: Entry | None) -> tuple[Entry, Problem]:
    message = "is missing" if isinstance(failure, FileNotFoundError) else str(failure)
    if known is not None and known.test is not None:
        return known, Problem(path, f"{message}; its last good copy is used")
    return Entry("", None, message), Problem(path, message)
