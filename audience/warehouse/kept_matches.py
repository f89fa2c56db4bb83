"""Kept matches: for each condition one file of bits per generation, so that it need not be worked out again.

The file is named by a digest of the compiled condition, so conditions that mean the same share it, and one that
is relative to now has another for another now. Files are written aside and renamed, and never written again; several
processes may write the same one. Nothing here is the truth: what is missing, damaged or cannot be written is
worked out again. A file ends with a checksum, which costs less than waiting until each file has reached the disk: what
a power cut leaves of it is not believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from sqlglot import exp

from audience.warehouse.slots import Bits

logger = logging.getLogger(__name__)

KEPT_BYTES: Final = 4 << 30
"""Beyond this, what was not used for longest is removed."""
_SUFFIX: Final = ".bits"
_ASIDE: Final = ".aside"
_FORGOTTEN_AFTER: Final = 3600
"""Seconds. A file's time says when it was used last, to the hour."""


def digest_of(condition: exp.Expr) -> str:
    """The same for conditions that are the same expression."""
    text: list[str] = []
    # A stack of our own: conditions may be nested deeper than Python calls functions.
    stack: list[object] = [condition]
    while stack:
        item = stack.pop()
        if isinstance(item, exp.Expr):
            text.append(f"{type(item).__name__}(")
            stack.append(")")
            for name, value in reversed(item.args.items()):
                if value is not None and value is not False and value != []:
                    stack.extend((value, f"{name}="))
        elif isinstance(item, list):
            text.append(f"[{len(item)}]")
            stack.extend(reversed(item))
        else:
            text.append(f"{item!r},")
    return hashlib.sha256("".join(text).encode()).hexdigest()[:40]


def _checksum(bits: Bits) -> np.uint64:
    # Not zero for a file of zeros, which is what most often is left after a power cut.
    total: np.uint64 = np.add.reduce(bits, initial=np.uint64(0x5553_2400))
    return total


class KeptMatches:
    """The kept matches of one generation, in a folder that is made with the first of them."""

    def __init__(self, folder: Path, words: int, most_bytes: int = KEPT_BYTES) -> None:
        self.folder = folder
        self.words = words
        self.most_bytes = most_bytes

    def has(self, digest: str) -> bool:
        try:
            return self._path(digest).stat().st_size == (self.words + 1) * 8
        except OSError:
            return False

    def read(self, digest: str) -> Bits | None:
        """None if it is not there, or not whole."""
        path = self._path(digest)
        # Read rather than mapped: a mapped file that somebody cuts short kills the process that looks at it.
        try:
            with path.open("rb") as file:
                bits = np.fromfile(file, dtype=np.uint64)
                if os.fstat(file.fileno()).st_mtime < time.time() - _FORGOTTEN_AFTER:
                    os.utime(file.fileno())
        except OSError:
            return None
        if len(bits) != self.words + 1 or bits[-1] != _checksum(bits[:-1]):
            return None
        return bits[:-1]

    def write(self, digest: str, bits: Bits) -> None:
        """Keep it. Raises OSError when there is no room or no right to."""
        self.folder.mkdir(exist_ok=True)
        aside = self.folder / f"{digest}-{secrets.token_hex(4)}{_ASIDE}"
        try:
            with aside.open("wb") as file:
                file.write(bits.tobytes())
                file.write(_checksum(bits).tobytes())
            aside.rename(self._path(digest))
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise

    def size(self) -> int:
        """Bytes."""
        return sum(size for _, size, _ in self._files())

    def prune(self, wanted: Collection[str] | None = None) -> None:
        """Remove what was used longest ago until the rest fits, and what killed processes left half-written.

        With `wanted` also all other conditions' that nobody has used lately: of an hour that is over, say.
        """
        room = self.most_bytes
        lately = time.time() - 2 * _FORGOTTEN_AFTER
        for used, size, path in sorted(self._files(), reverse=True):
            room -= size
            old = used < lately and (
                path.suffix == _ASIDE or (wanted is not None and path.stem not in wanted)
            )
            if room < 0 or old:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}{_SUFFIX}"

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                with contextlib.suppress(OSError):
                    found = path.stat()
                    yield found.st_mtime, found.st_size, path
