"""The language-neutral vectors of ``sdk/conformance``, all of them."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conformance.generate import PLACE, generate

from usersplit_sdk import Client, Environment, Reason, User
from usersplit_sdk.operators import OPERATORS
from usersplit_sdk.values import parse_moment

FOLDER = Path(__file__).parent.parent / "conformance"
FILES = sorted(FOLDER.glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def all_cases() -> Iterator[Any]:
    for path in FILES:
        vectors = load(path)
        client = Client.from_documents(
            vectors["tests"], vectors["groups"], vectors["environment"], vectors["tests_off"]
        )
        moment = parse_moment(vectors["now"])
        assert moment is not None
        for number, case in enumerate(vectors["cases"]):
            name = f"{path.stem}-{number}-{case.get('test') or case.get('group')}"
            yield pytest.param(client, moment.instant, case, id=name)


@pytest.mark.parametrize(("client", "now", "case"), list(all_cases()))
def test_vector(client: Client, now: datetime, case: dict[str, Any]) -> None:
    user = None if case["user"] is None else User(**case["user"])
    request = None if case["request"] is None else Environment(**case["request"])
    expected = case["expect"]
    if "group" in case:
        assert client.is_in_group(case["group"], user, request, now=now) is expected["member"]
        return
    decision = client.explain(case["test"], user, request, now=now)
    assert (decision.variant, decision.reason) == (expected["variant"], expected["reason"])
    if "detail" in expected:
        assert decision.detail == expected["detail"]
    if "detail_path" in expected:
        assert (decision.detail or "").startswith(expected["detail_path"] + ": ")


def test_generated_vectors_are_those_that_the_generator_makes() -> None:
    assert PLACE.read_text(encoding="utf-8") == generate(), "run `python -m conformance.generate` in sdk/"


def test_every_operator_has_vectors() -> None:
    tests = load(FOLDER / "operators.json")["tests"]
    assert {test["conditions"][0]["operator"] for test in tests} == set(OPERATORS)


def test_every_reason_has_vectors() -> None:
    seen = {case["expect"].get("reason") for path in FILES for case in load(path)["cases"]}
    # The last condition is code, which a vector cannot hold.
    assert seen - {None} == {str(reason) for reason in Reason} - {"ADDITIONAL_CONDITIONS_NOT_MET"}
