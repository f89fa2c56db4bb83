"""The manifest: what a delivery says that it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from usersplit_sdk.documents import FORMAT, read_json
from usersplit_sdk.engine import TestsOff
from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.snapshots import parse_tests_off

MANIFEST = "manifest.json"
# Only these names are ever opened or asked for, so that no manifest can point out of its folder.
DELIVERED = re.compile(r"(?:tests|groups)/[a-z][a-z0-9_]{1,63}\.json")
CHECKSUM = re.compile(r"[0-9a-f]{64}")
TIME_LIMIT = 64
"""Characters of ``published_at``; a longer one is no time."""


class Manifest(NamedTuple):
    """A manifest that can be used. ``files`` is as it stands there: paths and checksums are still unchecked."""

    version: int
    published_at: str | None
    files: Mapping[str, object]
    tests_off: TestsOff


class ManifestReader:
    """Parses manifests; the same bytes again give the same object, so that ``is`` tells whether there is news."""

    def __init__(self) -> None:
        self._last: tuple[int, Manifest | InvalidDocument] | None = None

    def parse(self, body: bytes) -> Manifest:
        """The manifest in a file's bytes; raises ``InvalidDocument``."""
        digest = hash(body)
        if self._last is None or self._last[0] != digest:
            self._last = digest, _outcome(body)
        return self.again()

    def again(self) -> Manifest:
        """What ``parse`` gave last; raises ``InvalidDocument`` if it did, or if it was never called."""
        found = InvalidDocument("", "there is none yet") if self._last is None else self._last[1]
        if isinstance(found, InvalidDocument):
            raise InvalidDocument(found.path, found.message)
        return found


def parse_manifest(document: object) -> Manifest:
    """Check a manifest (as ``json.loads`` gives it); raises ``InvalidDocument`` if it cannot be used at all."""
    if not isinstance(document, dict):
        raise InvalidDocument("", "must be an object")
    if document.get("format") != FORMAT or isinstance(document.get("format"), (bool, float)):
        raise InvalidDocument("format", f"must be {FORMAT}")
    version, files, published_at = (document.get(name) for name in ("version", "files", "published_at"))
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise InvalidDocument("version", "must be a whole number")
    if not isinstance(files, dict):
        raise InvalidDocument("files", "must be an object")
    is_time = isinstance(published_at, str) and len(published_at) <= TIME_LIMIT
    return Manifest(
        version=version,
        published_at=published_at if is_time else None,
        files=files,
        tests_off=parse_tests_off(document.get("tests_off")),
    )


def _outcome(body: bytes) -> Manifest | InvalidDocument:
    try:
        return parse_manifest(read_json(body))
    except InvalidDocument as problem:
        return problem
