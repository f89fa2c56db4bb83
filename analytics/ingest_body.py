"""From the bytes of a request to the items of a batch: bounded in size and number, each item taken or refused by itself."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from analytics.items import (
    Event,
    Hit,
    Item,
    Limits,
    item_errors,
    may_have_names_twice,
    names_twice,
    quoted_names,
)
from core.errors import FieldError, InvalidInput

MAX_ITEMS: Final = 10_000
MAX_PACKED_BYTES: Final = 8 * 2**20
MAX_BYTES: Final = 16 * 2**20
# Values cost memory however short they are. Ten thousand full hits have a fifth of this.
_MAX_COMMAS: Final = 500_000

KINDS: Final[dict[str, type[Item]]] = {"hits": Hit, "events": Event}
"""By stream, which is also the name of the list in the body."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that was not taken: its place in the list, from 0, and why."""

    index: int
    errors: list[FieldError]


@dataclass(slots=True)
class SentBatch:
    """A batch as it was read: `items` are checked and completed, `refused` are not among them."""

    stream: str
    batch_id: UUID
    items: list[Item] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


class _HitBatch(msgspec.Struct, forbid_unknown_fields=True):
    batch_id: UUID
    hits: list[Hit]


class _EventBatch(msgspec.Struct, forbid_unknown_fields=True):
    batch_id: UUID
    events: list[Event]


_WHOLE: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "hits": msgspec.json.Decoder(_HitBatch),
    "events": msgspec.json.Decoder(_EventBatch),
}
_ONE: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    stream: msgspec.json.Decoder(kind) for stream, kind in KINDS.items()
}
_NAMES: Final = {stream: quoted_names(kind) for stream, kind in KINDS.items()}
_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BATCH_ID: Final = msgspec.json.Decoder(UUID)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])

# Other libraries write half a surrogate pair where a text was cut in the middle of a character. Here it would make the whole
# body unreadable; as a NUL it makes unreadable only the text that it is in.
_HALF_PAIR: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
_ESCAPE_BYTES: Final = 6


def _without_half_pair(found: re.Match[bytes]) -> bytes:
    return rb"\u0000" if len(found[0]) == _ESCAPE_BYTES else found[0]


class TooManyBytes(Exception):
    """Unpacked it is larger than MAX_BYTES."""


def unpacked(body: bytes) -> bytes:
    """The content of a gzip body. Raises TooManyBytes, and InvalidInput if it is not one whole gzip stream."""
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content = reader.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise InvalidInput.at("body", "Is not gzip, although Content-Encoding says so.") from error
    if len(content) > MAX_BYTES:
        raise TooManyBytes
    if not reader.eof or reader.unused_data:
        raise InvalidInput.at(
            "body", "Must be one whole gzip stream; this one is cut off or has more behind it."
        )
    return content


def read_batch(stream: str, body: bytes, limits: Limits) -> SentBatch:
    """The batch in `body`. Raises InvalidInput for what makes the whole of it unusable."""
    return _all_well(stream, body, limits) or _one_by_one(stream, body, limits)


def _all_well(stream: str, body: bytes, limits: Limits) -> SentBatch | None:
    """The batch, if every item is right at first sight: read in one go. None says to look closer."""
    try:
        whole = _WHOLE[stream].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    items: list[Item] = getattr(whole, stream)
    envelope = may_have_names_twice(body, (b'"batch_id"', b'"%b"' % stream.encode()))
    if envelope or len(items) > MAX_ITEMS or may_have_names_twice(body, _NAMES[stream], len(items)):
        return None
    if not all(map(limits.admit, items)):
        return None
    return SentBatch(stream, whole.batch_id, items)


def _one_by_one(stream: str, body: bytes, limits: Limits) -> SentBatch:
    batch_id, raws = _envelope(stream, body)
    batch = SentBatch(stream, batch_id)
    names, decoder, kind = _NAMES[stream], _ONE[stream], KINDS[stream]
    for index, raw in enumerate(raws):
        content = bytes(raw)
        try:
            item = decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            item = None
        suspicious = item is None or may_have_names_twice(content, names) or not limits.admit(item)
        errors = item_errors(content, kind, limits) if suspicious else []
        if errors:
            batch.refused.append(Refusal(index, errors))
        elif item is not None:
            batch.items.append(item)
        else:
            whole = kind.__name__.lower()
            batch.refused.append(Refusal(index, [FieldError(whole, "Cannot be read.")]))
    return batch


def _envelope(stream: str, body: bytes) -> tuple[UUID, list[msgspec.Raw]]:
    """Id and items of the batch, each item still as it was sent. Raises InvalidInput."""
    if body.count(b",") > _MAX_COMMAS:
        raise InvalidInput.at(
            "body", f"Holds far too many values; send at most {MAX_ITEMS:,} {stream} at once."
        )
    parts = _members(stream, body)
    errors = []
    batch_id = _read(_BATCH_ID, parts.get("batch_id"))
    if batch_id is None:
        right = "Must be a UUID, made anew for every batch and the same when the batch is sent again."
        errors.append(FieldError("batch_id", right))
    raws = _read(_LIST, parts.get(stream))
    if raws is None:
        errors.append(FieldError(stream, f"Must be a list of at most {MAX_ITEMS:,} {stream}."))
    elif len(raws) > MAX_ITEMS:
        errors.append(FieldError(stream, f"Has {len(raws):,} items; send at most {MAX_ITEMS:,} at once."))
    if errors:
        raise InvalidInput(errors)
    return batch_id, raws


def _read(decoder: msgspec.json.Decoder[Any], raw: msgspec.Raw | None) -> Any:
    try:
        return None if raw is None else decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _members(stream: str, body: bytes) -> dict[str, msgspec.Raw]:
    """The members of the object, all known, each once. Raises InvalidInput."""
    try:
        try:
            parts = _PARTS.decode(body)
        except msgspec.DecodeError:
            body = _HALF_PAIR.sub(_without_half_pair, body)
            parts = _PARTS.decode(body)
        # What is left without the list is short, whatever is in the list.
        rest = body.replace(bytes(parts[stream]), b"0", 1) if stream in parts else body
        twice = names_twice(rest)
    except UnicodeDecodeError as error:
        raise InvalidInput.at("body", "Is not UTF-8.") from error
    except RecursionError as error:
        raise InvalidInput.at("body", "The JSON is nested too deeply.") from error
    except msgspec.ValidationError as error:
        right = f'Must be an object such as {{"batch_id": "…", "{stream}": […]}}.'
        raise InvalidInput.at("body", right) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidInput.at("body", f"Is not JSON: {error}.") from error
    known = f"There is no such field; known are batch_id, {stream}."
    wrong = [FieldError(name[:64], known) for name in sorted(parts.keys() - {"batch_id", stream})[:20]]
    wrong += [FieldError(name, "Stands twice in the same object.") for name in twice]
    if wrong:
        raise InvalidInput(wrong)
    return parts
