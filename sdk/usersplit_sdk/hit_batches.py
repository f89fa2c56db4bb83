"""Batches of hits as they are stored on disk and sent: one JSON object a line, and an id that stays theirs for good."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
import zlib
from collections.abc import Iterable, Sequence

from usersplit_sdk.model import Hit

LINE_LIMIT = 16 * 1024
"""Bytes of one hit. Ids come from browsers, too; what is longer than this is no id."""
BATCH_BYTES = 1_000_000
"""Of lines; a batch ends before."""
BATCH_LIMIT = 10_000
"""Hits that a server takes at a time."""
BLOCK = 4096
"""Bytes of disk that the smallest file takes."""
GZIP = 16 + zlib.MAX_WBITS

_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Batch:
    """Hits that are sent together, now and on every further attempt: a server that has seen the id counts none again.

    They lie in the file at ``path``, or are held in ``lines``. ``hits`` is None for a file that nobody has read yet.
    """

    __slots__ = ("began", "hits", "id", "lines", "path", "size", "stores", "strikes")

    def __init__(
        self,
        batch_id: str,
        began: int,
        *,
        path: str | None = None,
        lines: bytes = b"",
        hits: int | None = None,
        size: int = 0,
    ) -> None:
        self.id = batch_id
        self.began = began
        self.path = path
        self.lines = lines
        self.hits = hits
        self.size = size
        self.strikes = 0
        """How often the server failed over it, others being stored in between."""
        self.stores = -1
        """How many had been stored when it failed last."""

    @property
    def room(self) -> int:
        """Bytes of disk that it takes."""
        return 0 if self.path is None else -(-self.size // BLOCK) * BLOCK


def new_id() -> tuple[str, int]:
    """The id of a new batch, and the moment in nanoseconds by which it is sorted among others."""
    return str(uuid.uuid4()), time.time_ns()


def half_ids(batch_id: str) -> tuple[str, str]:
    """The ids of a batch's two halves: whoever halves it again, in whatever process, finds the same."""
    first, second = (hashlib.sha256(f"{batch_id}/{half}".encode()).digest()[:16] for half in (0, 1))
    return str(uuid.UUID(bytes=first, version=4)), str(uuid.UUID(bytes=second, version=4))


def to_lines(hits: Iterable[Hit]) -> tuple[list[bytes], int]:
    """A line for each hit that can be one, and how many cannot: too long, or of no characters that JSON has."""
    lines: list[bytes] = []
    refused = 0
    for hit in hits:
        try:
            line = _dumps(hit.as_json())
            if "\\ud" in line:
                # Half a surrogate pair is no character. Servers refuse all of a document that holds one.
                _check_characters(hit)
        except (ValueError, TypeError, RecursionError):
            refused += 1
            continue
        if len(line) > LINE_LIMIT:
            refused += 1
            continue
        lines.append(line.encode("ascii") + b"\n")
    return lines, refused


def sound_lines(data: bytes) -> tuple[list[bytes], bool]:
    """The lines of a file, and whether others were damaged. One without an end was being written, and is none yet."""
    lines: list[bytes] = []
    damaged = False
    for line in data.split(b"\n")[:-1]:
        try:
            is_hit = isinstance(json.loads(line), dict)
        except (ValueError, RecursionError):
            is_hit = False
        if is_hit:
            lines.append(line)
        else:
            damaged = True
    return lines, damaged


def pack(batch_id: str, lines: Sequence[bytes]) -> bytes:
    """The body of the request that sends them, in gzip."""
    packer = zlib.compressobj(5, wbits=GZIP)
    body = b'{"batch_id":"%s","hits":[%s]}' % (batch_id.encode("ascii"), b",".join(lines))
    return packer.compress(body) + packer.flush()


def _check_characters(hit: Hit) -> None:
    for text in (hit.test, hit.variant, hit.user_id, hit.device_id, hit.environment):
        if text is not None:
            text.encode("utf-8")
