"""From the bytes of a request to the items of a batch: bounded in size and number, each item taken or refused by itself."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from analytics.items import (
    Event,
    Hit,
    Item,
    Limits,
    has_as_many_names,
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


def _batch_of(stream: str, item: type) -> msgspec.json.Decoder[Any]:
    fields = [("batch_id", UUID), (stream, list[item])]  # type: ignore[valid-type]  # a type all the same
    return msgspec.json.Decoder(msgspec.defstruct(f"BatchOf{stream}", fields, forbid_unknown_fields=True))


def _complete(kind: type[Item]) -> type:
    """The same fields, none of which may be left out."""
    fields = [(field.name, field.type) for field in msgspec.structs.fields(kind)]
    return msgspec.defstruct(
        f"Complete{kind.__name__}", fields, forbid_unknown_fields=True, kw_only=True, gc=False
    )


# SDKs send every field. Where none is left out, counting the names tells that none stands twice.
_COMPLETE: Final = {stream: _batch_of(stream, _complete(kind)) for stream, kind in KINDS.items()}
_WHOLE: Final = {stream: _batch_of(stream, kind) for stream, kind in KINDS.items()}
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
    names = _NAMES[stream]
    whole = _decoded(_COMPLETE[stream], body)
    items: list[Item] = getattr(whole, stream, [])
    if whole is None or not has_as_many_names(body, len(names) * len(items) + 2):
        whole = _decoded(_WHOLE[stream], body)
        items = getattr(whole, stream, [])
        envelope = (b'"batch_id"', b'"%b"' % stream.encode())
        if (
            whole is None
            or may_have_names_twice(body, envelope)
            or may_have_names_twice(body, names, len(items))
        ):
            return None
    if len(items) > MAX_ITEMS or not all(map(_admission(stream, limits), items)):
        return None
    return SentBatch(stream, whole.batch_id, items)


def _admission(stream: str, limits: Limits) -> Callable[[Item], bool]:
    return limits.admit if stream == "hits" else limits.admit_event


def _one_by_one(stream: str, body: bytes, limits: Limits) -> SentBatch:
    batch_id, raws = _envelope(stream, body)
    batch = SentBatch(stream, batch_id)
    names, decoder, kind = _NAMES[stream], _ONE[stream], KINDS[stream]
    admit = _admission(stream, limits)
    for index, raw in enumerate(raws):
        content = bytes(raw)
        item = _decoded(decoder, content)
        suspicious = item is None or may_have_names_twice(content, names) or not admit(item)
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
    batch_id = _decoded(_BATCH_ID, parts.get("batch_id"))
    if batch_id is None:
        right = "Must be a UUID, made anew for every batch and the same when the batch is sent again."
        errors.append(FieldError("batch_id", right))
    raws = _decoded(_LIST, parts.get(stream))
    if raws is None:
        errors.append(FieldError(stream, f"Must be a list of at most {MAX_ITEMS:,} {stream}."))
    elif len(raws) > MAX_ITEMS:
        errors.append(FieldError(stream, f"Has {len(raws):,} items; send at most {MAX_ITEMS:,} at once."))
    if errors:
        raise InvalidInput(errors)
    return batch_id, raws


def _decoded(decoder: msgspec.json.Decoder[Any], raw: bytes | msgspec.Raw | None) -> Any:
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
