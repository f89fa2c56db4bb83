"""OpenFeature: what a flag of each type answers, and in OpenFeature's words why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from tests.event_loops import run_async
from tests.integrations.files import BUTTON, CONTROL, GREEN, a_client
from usersplit_sdk import Client
from usersplit_sdk import Reason as Why
from usersplit_sdk.integrations.openfeature import REASONS, UserSplitProvider

PAYLOADS: dict[str, Any] = {
    "yes": True, "no": False, "three": 3, "even": 4.0, "half": 0.5, "huge": 10**400, "list": [1], "object": {"a": 1},
    "text": "blue", "nothing": None,
}  # fmt: skip


def a_test(key: str, **changes: Any) -> dict[str, Any]:
    return {**BUTTON, "tokens": {}, "key": key, **changes}


def with_payload(key: str, payload: object) -> dict[str, Any]:
    variants: list[dict[str, Any]] = [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "new", "split_groups": [[1201, 2400]]},
    ]
    if payload is not None:
        variants[1]["payload"] = payload
    return a_test(key, variants=variants)


def flags_of(client: Client, **options: Any) -> OpenFeatureClient:
    api.set_provider_and_wait(UserSplitProvider(client, **options))
    return api.get_client()


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    api.shutdown()
    api.clear_providers()


def of(split_group: int | None, key: str | None = "1", **attributes: Any) -> EvaluationContext:
    if split_group is not None:
        attributes["split_group"] = split_group
    return EvaluationContext(key, attributes)


@pytest.fixture
def flags() -> OpenFeatureClient:
    return flags_of(a_client(*(with_payload(key, payload) for key, payload in PAYLOADS.items()))[0])


def test_a_string_is_the_variant() -> None:
    client, hits = a_client()
    found = flags_of(client).get_string_details("green_button", "as ever", of(GREEN, device_id="d"))
    assert (found.value, found.variant, found.reason, found.error_code) == (
        "<green>",
        "<green>",
        Reason.SPLIT,
        None,
    )
    assert found.flag_metadata == {"usersplit_reason": "SPLIT", "settings_group": 3}
    [hit] = hits.hits
    assert (hit.user_id, hit.device_id, hit.split_group, hit.variant) == ("1", "d", GREEN, "<green>")


def test_hits_can_be_left_to_the_application() -> None:
    client, hits = a_client()
    assert (
        flags_of(client, log_hits=False).get_string_value("green_button", "as ever", of(GREEN)) == "<green>"
    )
    assert hits.hits == []


@pytest.mark.parametrize(
    ("key", "split_group", "value"),
    [
        ("yes", GREEN, True),
        ("no", GREEN, False),
        ("object", GREEN, True),
        ("nothing", GREEN, True),
        ("yes", CONTROL, False),
    ],
)
@pytest.mark.parametrize("default", [True, False])
def test_a_boolean_is_the_payload_or_another_variant_than_the_control(
    flags: OpenFeatureClient, key: str, split_group: int, value: bool, default: bool
) -> None:
    found = flags.get_boolean_details(key, default, of(split_group))
    assert (found.value, found.reason, found.error_code) == (value, Reason.SPLIT, None)


def test_a_control_may_be_called_as_it_likes() -> None:
    variants = [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "old", "split_groups": [[1201, 2400]]},
    ]
    tests = a_test("flag", variants=variants, control="old"), a_test("none", variants=variants, control=None)
    flags = flags_of(a_client(*tests)[0])
    answers = [flags.get_boolean_value("flag", False, of(group)) for group in (CONTROL, GREEN)]
    assert answers == [True, False]
    assert flags.get_boolean_value("none", False, of(CONTROL))


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("integer", "three", 3),
        ("integer", "even", 4),
        ("integer", "huge", 10**400),
        ("float", "three", 3.0),
        ("float", "half", 0.5),
        ("object", "object", {"a": 1}),
        ("object", "list", [1]),
    ],
)
def test_numbers_and_objects_are_the_payload(
    flags: OpenFeatureClient, kind: str, key: str, value: object
) -> None:
    default: Any = {"integer": 7, "float": 7.5, "object": {}}[kind]
    found = getattr(flags, f"get_{kind}_details")(key, default, of(GREEN))
    assert (found.value, type(found.value), found.reason) == (value, type(value), Reason.SPLIT)
    again = getattr(flags, f"get_{kind}_value_async")(key, default, of(GREEN))
    assert run_async(again) == value


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("integer", "half"), ("integer", "yes"), ("integer", "text"), ("integer", "object"),
        ("float", "yes"), ("float", "huge"), ("float", "list"),
        ("object", "three"), ("object", "text"), ("object", "no"),
    ],
)  # fmt: skip
def test_a_payload_of_another_type_is_a_mismatch_and_no_hit(kind: str, key: str) -> None:
    client, hits = a_client(with_payload(key, PAYLOADS[key]))
    default: Any = {"integer": 7, "float": 7.5, "object": {}}[kind]
    found = getattr(flags_of(client), f"get_{kind}_details")(key, default, of(GREEN))
    assert (found.value, found.reason, found.error_code) == (default, Reason.ERROR, ErrorCode.TYPE_MISMATCH)
    assert hits.hits == []


def test_a_variant_without_a_payload_is_the_code_as_it_stands() -> None:
    client, hits = a_client(with_payload("size", 3))
    found = flags_of(client).get_integer_details("size", 7, of(CONTROL))
    assert (found.value, found.variant, found.reason, found.error_code) == (7, "control", Reason.SPLIT, None)
    assert [hit.variant for hit in hits.hits] == ["control"]


WINNER = {"result": "winner", "variant": "<green>", "scope": "everywhere"}
FORCED = [{"variant": "<green>", "user_id": "1", "environment": "production"}]
AGE = [{"filter": "age", "source": "user", "operator": "gt", "value": 30}]


@pytest.mark.parametrize(
    ("changes", "context", "value", "reason", "why"),
    [
        ({}, of(GREEN), "<green>", Reason.SPLIT, "SPLIT"),
        ({"forced": FORCED}, of(CONTROL), "<green>", Reason.TARGETING_MATCH, "FORCED"),
        ({"status": "finished", "outcome": WINNER}, of(None), "<green>", Reason.TARGETING_MATCH, "WINNER"),
        (
            {"status": "finished", "outcome": {"result": "rejected"}},
            of(GREEN),
            "as ever",
            Reason.DISABLED,
            "REJECTED",
        ),
        ({"status": "paused"}, of(GREEN), "as ever", Reason.DISABLED, "PAUSED"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, of(GREEN), "as ever", Reason.DISABLED, "OUTSIDE_DATES"),
        ({"status": "dev"}, of(GREEN), "as ever", Reason.DISABLED, "NOT_A_TEST_USER"),
        ({"status": "dev"}, of(GREEN, is_test_user=True), "<green>", Reason.SPLIT, "SPLIT"),
        ({"conditions": AGE}, of(GREEN, age=30), "as ever", Reason.DEFAULT, "CONDITIONS_NOT_MET"),
        ({"conditions": AGE}, of(GREEN, age=31), "<green>", Reason.SPLIT, "SPLIT"),
        ({"conditions": AGE}, of(GREEN, key=None, age=31), "as ever", Reason.DEFAULT, "CONDITIONS_NOT_MET"),
        ({}, of(GREEN, key=None), "<green>", Reason.SPLIT, "SPLIT"),
        ({}, of(None), "as ever", Reason.DEFAULT, "NO_SPLIT_GROUP"),
        ({}, None, "as ever", Reason.DEFAULT, "NO_SPLIT_GROUP"),
        ({}, of("7"), "as ever", Reason.DEFAULT, "NO_SPLIT_GROUP"),  # type: ignore[arg-type]
        (
            {"variants": [BUTTON["variants"][0]]},
            of(GREEN),
            "as ever",
            Reason.DEFAULT,
            "SPLIT_GROUP_NOT_IN_TEST",
        ),
        ({"side": "client"}, of(GREEN), "as ever", Reason.DEFAULT, "NOT_SUPPORTED_BY_CLIENT"),
        ({"side": "client"}, of(GREEN, supported_tests=["flag"]), "<green>", Reason.SPLIT, "SPLIT"),
    ],
)
def test_reasons(
    changes: dict[str, Any], context: EvaluationContext | None, value: str, reason: Reason, why: str
) -> None:
    found = flags_of(a_client(a_test("flag", **changes))[0]).get_string_details("flag", "as ever", context)
    assert (found.value, found.reason, found.flag_metadata["usersplit_reason"]) == (value, reason, why)
    assert found.error_code is None


def test_what_decided_is_told() -> None:
    found = flags_of(a_client(a_test("flag", conditions=AGE))[0]).get_string_details(
        "flag", "", of(GREEN, age=5)
    )
    assert found.flag_metadata["usersplit_detail"] == "conditions[0]"


def test_conditions_about_the_environment_are_read_from_the_same_attributes() -> None:
    platform = [{"filter": "platform", "source": "environment", "operator": "eq", "value": "web"}]
    flags = flags_of(a_client(a_test("flag", conditions=platform))[0])
    assert flags.get_string_value("flag", "as ever", of(GREEN, platform="web")) == "<green>"
    assert flags.get_string_value("flag", "as ever", of(GREEN, platform="ios")) == "as ever"


def test_additional_conditions_and_tests_off() -> None:
    off = {"user_ids": ["1"], "device_ids": []}
    client = Client.from_documents([BUTTON], tests_off=off)
    client.additional_conditions("green_button")(lambda user, environment: False)
    flags = flags_of(client)
    assert flags.get_string_details("green_button", "", of(GREEN)).reason == Reason.DISABLED
    assert flags.get_string_details("green_button", "", of(GREEN, "2")).reason == Reason.DEFAULT


def test_errors() -> None:
    flags = flags_of(a_client({**BUTTON, "key": "flag", "variants": 5})[0])
    unknown = flags.get_boolean_details("unknown", True, of(GREEN))
    assert (unknown.value, unknown.reason, unknown.error_code) == (
        True,
        Reason.ERROR,
        ErrorCode.FLAG_NOT_FOUND,
    )
    broken = flags.get_string_details("flag", "as ever", of(GREEN))
    assert (broken.value, broken.reason, broken.error_code) == (
        "as ever",
        Reason.ERROR,
        ErrorCode.PARSE_ERROR,
    )
    assert "variants" in (broken.error_message or "")


def test_every_reason_has_its_word() -> None:
    assert set(Why) - set(REASONS) == {Why.UNKNOWN_TEST, Why.INVALID_TEST_FILE}


def test_shutting_down_leaves_the_client_to_the_application() -> None:
    client, _ = a_client()
    flags_of(client)
    api.shutdown()
    assert client.get_active_variant("unknown") is None
    assert flags_of(client).get_string_value("green_button", "", of(GREEN)) == "<green>"
