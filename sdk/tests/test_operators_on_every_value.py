"""Every operator with every operand of the pools, on every value of the pools: no draw may leave a corner out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from conformance.naive import Setting, decide
from conformance.pools import HOST_VALUES, NOW, OPERANDS, VALUES, Typed, predicate
from fuzz.clocks import clock_at

from usersplit_sdk import Client, User
from usersplit_sdk.operators import OPERATORS


def typed_operands() -> Iterator[tuple[str, Typed]]:
    assert set(OPERANDS) == set(OPERATORS)
    for operator, operands in OPERANDS.items():
        for typed in operands:
            yield operator, typed


def document(number: int, operator: str, typed: Typed) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": f"t{number:04}",
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [predicate("a", "user", operator, typed)],
        "variants": [{"name": "met", "split_groups": [[1, 2400]]}],
    }


DOCUMENTS = [document(number, *typed) for number, typed in enumerate(typed_operands())]


@cache
def client() -> Client:
    made = Client.from_documents(DOCUMENTS)
    assert made.status.errors == ()
    return made


@pytest.mark.parametrize("value", [*VALUES, *HOST_VALUES], ids=lambda value: type(value).__name__)
def test_on_this_value(value: object) -> None:
    attributes = {"a": value}
    user = User("1", 1, attributes)
    wanted = {}
    with clock_at(NOW.timestamp()):
        for item in DOCUMENTS:
            key = item["key"]
            answer = decide(item, {"split_group": 1, "attributes": attributes}, None, Setting(NOW))
            assert tuple(client().explain(key, user))[:3] == answer, item["conditions"]
            assert client().get_active_variant(key, user) == answer[0], item["conditions"]
            if answer[0] is not None:
                wanted[key] = answer[0]
        assert client().active_variants(user) == wanted
