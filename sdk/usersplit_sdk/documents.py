"""Test files: from bytes or a dict to a checked, compiled, immutable object.

Everything in a file is suspect. Whatever is wrong ends in ``InvalidDocument``, which names the place; unknown
keys are ignored, so that a newer server can add some.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from itertools import chain, starmap
from operator import le, lt, sub
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, Union, cast

from usersplit_sdk.conditions import Conditions, parse_conditions
from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.model import SPLIT_GROUPS
from usersplit_sdk.values import parse_moment

if TYPE_CHECKING:
    from json import JSONDecoder

FORMAT = 1
FILE_LIMIT = 10 * 1024 * 1024
"""Bytes that a test file or a manifest may have at most."""
KEY = re.compile(r"[a-z][a-z0-9_]{1,63}")
STATUSES = ("dev", "running", "paused", "finished")
SIDES = ("server", "client", "client_server")

Kind = Literal["test", "group"]
Texts = Mapping[str, Mapping[str, Mapping[str, str]]]
Owners = Union[bytes, "array[int]"]  # array takes no parameter at run time before Python 3.12
Ranges = list[list[int]]


class TestOutcome(NamedTuple):
    """How a test ended: ``variant`` is None if it was rejected; ``everywhere`` if the winner is for everyone."""

    variant: str | None
    everywhere: bool = False


class CompiledTest(NamedTuple):
    """A test or user group whose file was checked. Shared between threads: nothing in it ever changes.

    ``owners[split_group]`` (0..2400) is an index into ``names``, whose first entry (0: nobody) is None.
    ``forced_users`` and ``forced_devices`` map (environment, id) to a variant.
    ``texts`` maps token, variant and language to a text.
    """

    key: str
    kind: Kind
    status: str
    side: str
    settings_group: int
    starts_at: datetime | None
    ends_at: datetime | None
    conditions: Conditions
    names: tuple[str | None, ...]
    owners: Owners
    control: str | None
    payloads: Mapping[str, object]
    forced_users: Mapping[tuple[str, str], str]
    forced_devices: Mapping[tuple[str, str], str]
    outcome: TestOutcome | None
    texts: Texts

    def has_variant(self, name: object) -> bool:
        """Is that the name of one of the test's variants? For names that come from a host application."""
        return isinstance(name, str) and name in self.names

    def text(self, token: str, variant: str, language: str) -> str | None:
        """The variant's text for the token: ``zh-Hans-CN`` falls back to ``zh-Hans`` and ``zh``, however they are written
        (``zh_hans``); None if there is none. Never another variant's."""
        texts = self.texts.get(token, {}).get(variant, {})
        if language in texts:
            return texts[language]
        spelt = {_spelling(name): text for name, text in texts.items()}
        wanted = _spelling(language)
        while wanted and wanted not in spelt:
            wanted = wanted.rpartition("-")[0]
        return spelt.get(wanted)


def _spelling(language: str) -> str:
    return language.replace("_", "-").lower()


def read_json(body: bytes) -> object:
    """Parse a file's bytes; raises ``InvalidDocument`` for anything that is not sound JSON of bearable size."""
    if len(body) > FILE_LIMIT:
        raise InvalidDocument("", f"the file is larger than {FILE_LIMIT} bytes")
    try:
        return _decoder().decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidDocument("", "the file is not UTF-8") from None
    except RecursionError:
        raise InvalidDocument("", "the file is nested too deeply") from None
    except (ValueError, MemoryError) as problem:
        raise InvalidDocument("", f"the file is not JSON ({str(problem)[:100]})") from None


@cache
def _decoder() -> JSONDecoder:
    from json import JSONDecoder  # noqa: PLC0415 - a client of documents needs none

    return JSONDecoder(parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def parse_document(document: object) -> CompiledTest:
    """Check and compile one test file (a dict as ``json.loads`` gives it); raises ``InvalidDocument``."""
    if not isinstance(document, dict):
        raise InvalidDocument("", "must be an object")
    _one_of(document, "format", (FORMAT,))
    kind = cast(Kind, _one_of(document, "kind", ("test", "group")))
    key = document.get("key")
    if not isinstance(key, str) or KEY.fullmatch(key) is None:
        raise InvalidDocument("key", "must be 2 to 64 of a-z, 0-9 and _, beginning with a letter")
    status = _one_of(document, "status", STATUSES)
    side = _one_of(document, "side", SIDES) if kind == "test" or "side" in document else "server"
    # A group has none of the parts of a test; whatever a file says of them there is ignored.
    parts = document if kind == "test" else {"variants": []}
    names, owners, payloads = _variants(parts.get("variants"))
    users, devices = _forced(parts.get("forced"), names)
    return CompiledTest(
        key=key,
        kind=kind,
        status=status,
        side=side,
        settings_group=_number(document.get("settings_group")),
        starts_at=_time(document, "starts_at"),
        ends_at=_time(document, "ends_at"),
        conditions=parse_conditions(document.get("conditions")),
        names=names,
        owners=owners,
        control=_control(parts.get("control"), names),
        payloads=payloads,
        forced_users=users,
        forced_devices=devices,
        outcome=_outcome(parts.get("outcome"), names),
        texts=_texts(parts.get("tokens")),
    )


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidDocument("settings_group", "must be a whole number from 1")
    return value


def _one_of(document: Mapping[object, object], name: str, allowed: tuple[object, ...]) -> str:
    value = document.get(name)
    # `1 == True` and `1 == 1.0`, but neither of those is the format 1.
    if not any(type(value) is type(choice) and value == choice for choice in allowed):
        raise InvalidDocument(name, "must be " + " or ".join(str(choice) for choice in allowed))
    return cast(str, value)


def _time(document: Mapping[object, object], name: str) -> datetime | None:
    value = document.get(name)
    if value is None:
        return None
    moment = parse_moment(value) if isinstance(value, str) else None
    if moment is None:
        raise InvalidDocument(name, "must be a time in ISO 8601 or null")
    return moment.instant


def _variants(value: object) -> tuple[tuple[str | None, ...], Owners, Mapping[str, object]]:
    names: list[str | None] = [None]
    ranges: list[Ranges] = []
    payloads: dict[str, object] = {}
    for index, variant in enumerate(_list(value, "variants")):
        path = f"variants[{index}]"
        if not isinstance(variant, dict):
            raise InvalidDocument(path, "must be an object")
        name = _text(variant.get("name"), f"{path}.name")
        if name in names:
            raise InvalidDocument(f"{path}.name", "is the name of another variant")
        if len(names) > SPLIT_GROUPS:
            raise InvalidDocument(path, f"there are more than {SPLIT_GROUPS} variants")
        names.append(name)
        ranges.append(_ranges(variant.get("split_groups"), f"{path}.split_groups"))
        if variant.get("payload") is not None:
            payloads[name] = variant["payload"]
    return tuple(names), _owners(ranges), MappingProxyType(payloads)


def _ranges(value: object, path: str) -> Ranges:
    ranges = _list(value, path)
    if not _all_sound(ranges):
        _name_the_unsound(ranges, path)
    return cast(Ranges, ranges)


def _all_sound(ranges: list[object]) -> bool:
    """Pairs of whole numbers that ascend within 1..2400; without a loop in Python, as there may be thousands."""
    if not ranges:
        return True
    if set(map(type, ranges)) != {list} or set(map(len, cast(Ranges, ranges))) != {2}:
        return False
    flat = list(chain.from_iterable(cast(Ranges, ranges)))
    firsts, lasts = flat[::2], flat[1::2]
    return (
        set(map(type, flat)) == {int}
        and firsts[0] >= 1
        and lasts[-1] <= SPLIT_GROUPS
        and all(map(le, firsts, lasts))
        and all(map(lt, lasts, firsts[1:]))
    )


def _name_the_unsound(ranges: list[object], path: str) -> NoReturn:
    previous = 0
    for index, limits in enumerate(ranges):
        place = f"{path}[{index}]"
        if not isinstance(limits, list) or [type(limit) for limit in limits] != [int, int]:
            raise InvalidDocument(place, "must be two whole numbers, the first and the last split group")
        first, last = limits
        if not previous < first <= last <= SPLIT_GROUPS:
            raise InvalidDocument(place, f"must ascend within 1..{SPLIT_GROUPS}")
        previous = last
    raise InvalidDocument(path, "must be a list of pairs")


def _owners(variants: list[Ranges]) -> Owners:
    """The owner of every split group; the same split group twice is an error."""
    few = len(variants) < 256
    table: Any = bytearray(SPLIT_GROUPS + 1) if few else _zeros(SPLIT_GROUPS + 1)
    for owner, ranges in enumerate(variants, start=1):
        whole = bytes((owner,)) * len(table) if few else array("H", [owner]) * len(table)
        for first, last in ranges:
            if first == last:  # as most are: groups are drawn one by one
                table[first] = owner
            else:
                table[first : last + 1] = whole[first : last + 1]
    given = sum(len(ranges) - sum(starmap(sub, ranges)) for ranges in variants)
    if given != len(table) - table.count(0):
        _name_the_doubled(variants)
    return bytes(table) if few else cast("array[int]", table)


def _zeros(count: int) -> array[int]:
    return array("H", bytes(2 * count))


def _name_the_doubled(variants: list[Ranges]) -> NoReturn:
    taken = bytearray(SPLIT_GROUPS + 1)
    for number, ranges in enumerate(variants):
        for index, (first, last) in enumerate(ranges):
            if any(taken[first : last + 1]):
                place = f"variants[{number}].split_groups[{index}]"
                raise InvalidDocument(place, "belongs to another variant already")
            taken[first : last + 1] = b"\1" * (last - first + 1)
    raise InvalidDocument("variants", "share split groups")


def _control(value: object, names: tuple[str | None, ...]) -> str | None:
    return None if value is None else _variant_name(value, names, "control")


def _variant_name(value: object, names: tuple[str | None, ...], path: str) -> str:
    if not isinstance(value, str) or value not in names:
        raise InvalidDocument(path, "must be the name of a variant of this test")
    return value


def _forced(
    value: object, names: tuple[str | None, ...]
) -> tuple[Mapping[tuple[str, str], str], Mapping[tuple[str, str], str]]:
    users: dict[tuple[str, str], str] = {}
    devices: dict[tuple[str, str], str] = {}
    for index, entry in enumerate([] if value is None else _list(value, "forced")):
        path = f"forced[{index}]"
        if not isinstance(entry, dict):
            raise InvalidDocument(path, "must be an object")
        variant = _variant_name(entry.get("variant"), names, f"{path}.variant")
        environment = _text(entry.get("environment"), f"{path}.environment")
        user_id, device_id = entry.get("user_id"), entry.get("device_id")
        if user_id is None and device_id is None:
            raise InvalidDocument(path, "must name a user_id or a device_id")
        if user_id is not None:
            users.setdefault((environment, _text(user_id, f"{path}.user_id")), variant)
        if device_id is not None:
            devices.setdefault((environment, _text(device_id, f"{path}.device_id")), variant)
    return MappingProxyType(users), MappingProxyType(devices)


def _outcome(value: object, names: tuple[str | None, ...]) -> TestOutcome | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidDocument("outcome", "must be an object or null")
    if value.get("result") == "rejected":
        return TestOutcome(None)
    if value.get("result") != "winner":
        raise InvalidDocument("outcome.result", "must be winner or rejected")
    if value.get("scope") not in ("everywhere", "conditions"):
        raise InvalidDocument("outcome.scope", "must be everywhere or conditions")
    variant = _variant_name(value.get("variant"), names, "outcome.variant")
    return TestOutcome(variant, everywhere=value["scope"] == "everywhere")


def _texts(value: object) -> Texts:
    if value is None:
        return MappingProxyType({})
    tokens: dict[str, Mapping[str, Mapping[str, str]]] = {}
    for token, variants in _object(value, "tokens").items():
        tokens[token] = {
            variant: _languages(languages, f"tokens.{token}.{variant}")
            for variant, languages in _object(variants, f"tokens.{token}").items()
        }
    return MappingProxyType(tokens)


def _languages(value: object, path: str) -> Mapping[str, str]:
    return {
        language: _text(text, f"{path}.{language}", empty=True)
        for language, text in _object(value, path).items()
    }


def _object(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise InvalidDocument(path, "must be an object")
    return value


def _list(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidDocument(path, "must be a list")
    return value


def _text(value: object, path: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise InvalidDocument(path, "must be a text")
    return value
