"""A test as a feature flag: one mapping for OpenFeature in the process and for its remote protocol (OFREP).

A flag is a test, its value the payload of the user's variant or, without one, the variant's name. A payload that has
nothing but a ``value``, a boolean, a number or a text, is worth that. A user without a variant gets no value: the
code's default stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usersplit_sdk.model import Decision, Environment, Reason, User

REASONS: Mapping[Reason, str] = {
    Reason.SPLIT: "SPLIT",
    Reason.FORCED: "TARGETING_MATCH",
    Reason.WINNER: "TARGETING_MATCH",
    Reason.REJECTED: "DISABLED",
    Reason.TESTS_OFF: "DISABLED",
    Reason.PAUSED: "DISABLED",
    Reason.OUTSIDE_DATES: "DISABLED",
    Reason.NOT_A_TEST_USER: "DISABLED",
    Reason.CONDITIONS_NOT_MET: "DEFAULT",
    Reason.NOT_SUPPORTED_BY_CLIENT: "DEFAULT",
    Reason.NO_SPLIT_GROUP: "DEFAULT",
    Reason.SPLIT_GROUP_NOT_IN_TEST: "DEFAULT",
    Reason.ADDITIONAL_CONDITIONS_NOT_MET: "DEFAULT",
}
"""OpenFeature's word for ours: disabled is a test that gives this user nothing whoever it is, default one that
leaves this user out. Whatever else is an error."""

ERRORS: Mapping[Reason, str] = {
    Reason.UNKNOWN_TEST: "FLAG_NOT_FOUND",
    Reason.INVALID_TEST_FILE: "PARSE_ERROR",
}
"""OpenFeature's error code for the reasons that are no answer."""


def plain_value(payload: object) -> object:
    """What a payload is worth: ``3`` for ``{"value": 3}``, which is how a variant says so, else the payload itself."""
    if isinstance(payload, dict) and payload.keys() == {"value"}:
        value: object = payload["value"]
        return value if isinstance(value, bool | int | float | str) else payload
    return payload


def flag_value(variant: str, payload: object) -> object:
    """The value of a flag when nobody says what type it should have."""
    return variant if payload is None else plain_value(payload)


def flag_metadata(decision: Decision) -> dict[str, str | int]:
    """Our own words beside OpenFeature's: ``usersplit_reason``, and where there are any ``usersplit_detail`` and
    ``settings_group``."""
    metadata: dict[str, str | int] = {"usersplit_reason": decision.reason.value}
    if decision.detail is not None:
        metadata["usersplit_detail"] = decision.detail
    if decision.settings_group is not None:
        metadata["settings_group"] = decision.settings_group
    return metadata


def error_message(key: str, decision: Decision) -> str:
    """What is wrong, for a decision whose reason is one of ``ERRORS``."""
    return decision.detail or f"there is no test {key}"


def read_context(targeting_key: str | None, attributes: Mapping[str, Any]) -> tuple[User | None, Environment]:
    """The user (None: a guest, as there is no targeting key) and the request of an evaluation context.

    ``split_group``, ``device_id`` and ``supported_tests`` are what they are called; every name may be a value of a
    profile filter or of an environment filter, for no two filters have the same.
    """
    split_group = attributes.get("split_group")
    environment = Environment(
        device_id=attributes.get("device_id"),
        attributes=attributes,
        supported_tests=attributes.get("supported_tests"),
        split_group=split_group,
    )
    return (User(targeting_key, split_group, attributes) if targeting_key else None), environment
