"""A choice by weight that is always the same for the same lock, without a server and without memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import log

from usersplit_sdk.engine import read_subject
from usersplit_sdk.model import Environment, User

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def choose(space: Sequence[str], weights: Mapping[str, float], lock: str) -> str | None:
    """One of the names, in proportion to its weight; None if no weight is above zero.

    Weighted rendezvous hashing: every name gets a number of its own from SHA-256 over the JSON texts
    ``["space", …, "lock"]`` and ``"name"``; its first eight bytes, as u in (0, 1), give -ln(u) / weight, and the
    smallest wins. So a name that is added takes over its share from all others alike and one that goes leaves
    its users to them; nobody else moves. Choices in different spaces have nothing to do with each other.
    """
    prefix = sha256(_json([*space, lock]))
    best: tuple[float, str] | None = None
    for name, weight in weights.items():
        if weight > 0:
            digest = prefix.copy()
            digest.update(_json(name))
            uniform = (int.from_bytes(digest.digest()[:8], "big") + 0.5) / 2**64
            candidate = (-log(uniform) / weight, name)
            if best is None or candidate < best:
                best = candidate
    return None if best is None else best[1]


def lock_of(user: User | None, request: Environment | None, locked_to: str | int | None) -> str | None:
    """What a choice is locked to: ``locked_to`` if usable, else the user's id, the device's, the split group.

    The kind is part of the text: user 7 and device 7 are not the same. None if there is nothing at all.
    """
    given = read_subject(User(locked_to), None)
    if given.user_id is not None:
        return f"key:{given.user_id}"
    subject = read_subject(user, request)
    if subject.user_id is not None:
        return f"user:{subject.user_id}"
    if subject.device_id is not None:
        return f"device:{subject.device_id}"
    # A guest whose split group is in a cookie keeps it, and with it the choice.
    return f"split_group:{subject.split_group}" if subject.split_group else None


def _json(value: object) -> bytes:
    return _ENCODER.encode(value).encode("ascii")
