"""Contexts from people who mean harm, or mistype: a clear refusal in the protocol's words, never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import Actor
from delivery.services import publish
from experiments.lifecycle import Status
from tests.conftest import People
from tests.delivery.flags import USER_FILTER, Ofrep, all_get, ofrep_for
from tests.factories import make_experiment


@pytest.fixture
def ofrep(people: People, manager: Actor) -> Ofrep:
    make_experiment(manager, Status.RUNNING, key="flag", variants=all_get(), conditions=USER_FILTER)
    publish()
    return ofrep_for(people.developer)


WRONG: dict[str, tuple[object, str]] = {
    "no object": ([], "context"),
    "text": ("4711", "context"),
    "key": ({"targetingKey": {"id": 1}}, "context.targetingKey"),
    "long key": ({"targetingKey": "x" * 201}, "context.targetingKey"),
    "NUL": ({"targetingKey": "4711\x00"}, "context.targetingKey"),
    "boolean key": ({"targetingKey": True}, "context.targetingKey"),
    "device": ({"device_id": ["a"]}, "context.device_id"),
    "split group": ({"split_group": 2401}, "context.split_group"),
    "split group as text": ({"split_group": "7"}, "context.split_group"),
    "tests": ({"supported_tests": "flag"}, "context.supported_tests"),
    "half a pair": ({"country": "\ud800"}, "context"),
    "half a pair as a name": ({"\udfff": 1}, "context"),
    "names": ({f"name_{number}": 1 for number in range(1_001)}, "context"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_context_is_refused_by_name(ofrep: Ofrep, name: str) -> None:
    context, field = WRONG[name]
    for path, keys in (("/flag", {"key"}), ("", set[str]())):
        answer = ofrep.ask(path, {"context": context})
        body = answer.json()
        assert (answer.status_code, body["errorCode"]) == (400, "INVALID_CONTEXT")
        assert body.keys() == {"errorCode", "errorDetails"} | keys
        assert field in body["errorDetails"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"\xff", b'{"context": NaN}', b"[" * 50_000, b'{"a": 1, "a": 2}']
)
def test_a_body_that_cannot_be_read_is_refused(ofrep: Ofrep, body: bytes) -> None:
    for path in ("/flag", ""):
        answer = ofrep.ask(path, body)
        assert answer.status_code == 400
        assert answer.json()["errorCode"] in {"PARSE_ERROR", "INVALID_CONTEXT"}


@pytest.mark.parametrize(
    "value", [None, {}, [], {"deep": [[[{}]]]}, "<script>", -1, 10**300, 1e300, True, "x" * 100_000]
)
def test_values_of_any_kind_are_only_other_values(ofrep: Ofrep, value: Any) -> None:
    context = {
        "targetingKey": "<script>'; DROP TABLE",
        "split_group": 7,
        "is_paying": value,
        "unheard_of": value,
    }
    status, body = ofrep.flag("flag", **context)
    assert (status, body["metadata"]["usersplit_reason"]) == (
        200,
        "SPLIT" if value is True else "CONDITIONS_NOT_MET",
    )
    assert "flag" in ofrep.flags(**context)


def test_names_of_versions_to_come_are_let_pass(ofrep: Ofrep) -> None:
    body = {"context": {"split_group": 7}, "options": {"deep": True}}
    assert ofrep.ask("?flagConfigEtag=a&flagConfigLastModified=5&more=1", body).status_code == 200


def test_other_refusals_are_problem_documents(ofrep: Ofrep) -> None:
    answer = ofrep.client.post(
        "/ofrep/v1/evaluate/flags", b"<xml/>", content_type="text/xml", headers=ofrep.headers
    )
    assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")
    assert ofrep.client.get("/ofrep/v1/evaluate/flags", headers=ofrep.headers).status_code == 405
    assert ofrep.ask("", b" " * (8 * 2**20 + 1)).status_code == 413
