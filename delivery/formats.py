"""How test files and manifests are written down. No framework here: bytes, checksums and names of files."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
FOLDERS: Final = ("tests", "groups")
# JSON numbers are exact up to here in every language; a version beyond it was never one of ours.
MAX_VERSION: Final = 2**53
_PATH = re.compile(r"(?:tests|groups)/[a-z][a-z0-9_]{1,63}\.json", re.ASCII)


def canonical_json(document: object) -> bytes:
    """The one way to write a document: sorted names, no spaces, UTF-8. Equal content is equal bytes.

    Raises ValueError for what JSON or UTF-8 cannot hold (NaN, half a surrogate pair).
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def checksum(body: bytes) -> str:
    """SHA-256 as the manifest lists it: 64 lower-case hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def utc_text(moment: dt.datetime | None) -> str | None:
    """ISO 8601 in UTC, ending in Z."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def path_of(kind: str, key: str) -> str:
    """Where the file of a test or user group lies in the folder: `tests/green_button.json`."""
    return f"{kind}s/{key}.json"


def is_delivered_path(path: str) -> bool:
    """Whether a test file could have this path at all; nothing else is ever looked up or opened."""
    return _PATH.fullmatch(path) is not None


def manifest_document(
    version: int, published_at: dt.datetime, files: Mapping[str, str], tests_off: Mapping[str, Any]
) -> dict[str, object]:
    """A manifest as the contract has it."""
    return {
        "format": FORMAT,
        "version": version,
        "published_at": utc_text(published_at),
        "files": dict(files),
        "tests_off": dict(tests_off),
    }


def version_in(body: bytes) -> int:
    """The version of a manifest's bytes; 0 for what is no usable manifest."""
    try:
        version = json.loads(body)["version"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return 0
    return version if type(version) is int and 0 <= version < MAX_VERSION else 0
