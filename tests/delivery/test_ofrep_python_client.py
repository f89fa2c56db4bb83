"""OFREP asked by the OpenFeature community's own provider for Python, which nobody here wrote, over real HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason
from openfeature.hook import Hook, HookContext

from accounts.actors import Actor
from accounts.services import create_token
from delivery.evaluation import delivered_now
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.services import force_user
from tests.delivery.flags import PAYLOADS, USER_FILTER, all_get, deliver_flags
from tests.factories import make_experiment
from usersplit_sdk import Client
from usersplit_sdk.integrations.openfeature import UserSplitProvider

IN_TEST = EvaluationContext("4711", {"split_group": 7})
DEFAULTS: dict[str, Any] = {
    "boolean": False,
    "string": "as ever",
    "integer": 7,
    "float": 7.5,
    "object": {"as": "ever"},
}


@pytest.fixture
def token(transactional_db: None, manager: Actor) -> str:
    deliver_flags(manager)
    return create_token(manager, "flags", ["evaluate"])[1]


def provider_for(url: str, token: str) -> OFREPProvider:
    return OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {token}"}, timeout=60)


@pytest.fixture
def flags(live_server: Any, token: str) -> Iterator[OpenFeatureClient]:
    api.set_provider_and_wait(provider_for(live_server.url, token))
    yield api.get_client()
    api.shutdown()
    api.clear_providers()


def details(flags: OpenFeatureClient, kind: str, key: str, context: EvaluationContext = IN_TEST) -> Any:
    return getattr(flags, f"get_{kind}_details")(key, DEFAULTS[kind], context)


VALUES: list[tuple[str, str, object]] = [
    ("boolean", "yes", True),
    ("boolean", "no", False),
    ("string", "text", "blue"),
    ("string", "nothing", "new"),
    ("integer", "three", 3),
    ("float", "half", 0.5),
    ("object", "object", {"a": 1}),
]


def test_values_of_every_type(flags: OpenFeatureClient) -> None:
    for kind, key, value in VALUES:
        found = details(flags, kind, key)
        assert (found.value, found.variant, found.reason, found.error_code) == (
            value,
            "new",
            Reason.SPLIT,
            None,
        )
        assert found.flag_metadata == {"usersplit_reason": "SPLIT", "settings_group": 1}


def test_users_without_a_variant_get_the_codes_default(flags: OpenFeatureClient, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="paying", variants=all_get(), conditions=USER_FILTER)
    experiment = make_experiment(manager, Status.PAUSED, key="paused", variants=all_get())
    force_user(manager, experiment, "new", "production", user_id="forced")
    publish()
    for key, reason, why in (
        ("paying", Reason.DEFAULT, "CONDITIONS_NOT_MET"),
        ("paused", Reason.DISABLED, "PAUSED"),
    ):
        found = details(flags, "string", key)
        assert (found.value, found.reason, found.error_code) == ("as ever", reason, None)
        assert found.flag_metadata["usersplit_reason"] == why
    payer = EvaluationContext("4711", {"split_group": 7, "is_paying": True})
    assert details(flags, "string", "paying", payer).value == "new"
    forced = details(flags, "string", "paused", EvaluationContext("forced"))
    assert (forced.value, forced.reason) == ("new", Reason.TARGETING_MATCH)


def test_errors_in_the_words_of_openfeature(flags: OpenFeatureClient, live_server: Any) -> None:
    def error(key: str, context: EvaluationContext = IN_TEST) -> object:
        found = details(flags, "integer", key, context)
        assert (found.value, found.reason) == (7, Reason.ERROR)
        return found.error_code

    assert error("never") == ErrorCode.FLAG_NOT_FOUND
    assert error("object") == ErrorCode.TYPE_MISMATCH
    assert error("three", EvaluationContext("x" * 201)) == ErrorCode.INVALID_CONTEXT
    api.set_provider_and_wait(provider_for(live_server.url, "wrong"))
    assert error("three") == ErrorCode.GENERAL


def test_whoever_asks_too_often_is_told_when_to_ask_again(
    flags: OpenFeatureClient, live_server: Any, token: str, settings: Any
) -> None:
    settings.API_LIMITS = {**settings.API_LIMITS, "bulk": 1}
    patient = provider_for(live_server.url, token)
    api.set_provider_and_wait(patient)
    answers = [details(flags, "integer", "three") for _ in range(3)]
    assert [found.error_code for found in answers[-2:]] == [ErrorCode.GENERAL, ErrorCode.GENERAL]
    assert "Rate limited" in (answers[-2].error_message or "") + (answers[-1].error_message or "")
    assert patient.retry_after is not None


def test_hooks_see_what_was_decided(flags: OpenFeatureClient) -> None:
    seen: list[tuple[str, object]] = []

    class Listening(Hook):
        def after(self, hook_context: HookContext, details: Any, hints: Any) -> None:
            seen.append((hook_context.flag_key, details.variant))

    flags.add_hooks([Listening()])
    assert details(flags, "integer", "three").value == 3
    assert seen == [("three", "new")]


def test_whatever_is_answered_here_the_provider_in_the_process_answers_too(
    live_server: Any, token: str
) -> None:
    """Knowing what type is asked for, the one in the process answers more than that; never something else."""
    local: Client = delivered_now().client("production")
    api.set_provider_and_wait(UserSplitProvider(local, log_hits=False), domain="here")
    api.set_provider_and_wait(provider_for(live_server.url, token), domain="there")
    nobody = EvaluationContext("1")
    for key, context, kind in itertools.product([*PAYLOADS, "never"], (IN_TEST, nobody), DEFAULTS):
        mine, remote = (details(api.get_client(domain), kind, key, context) for domain in ("here", "there"))
        # For Python, and so for this provider, a boolean is an integer as well.
        if remote.error_code == ErrorCode.TYPE_MISMATCH or (
            kind == "integer" and remote.value in (True, False)
        ):
            continue
        assert (mine.value, mine.reason, mine.error_code) == (remote.value, remote.reason, remote.error_code)
        assert (mine.variant or "") == (remote.variant or "")
        assert remote.error_code is not None or mine.flag_metadata == remote.flag_metadata
    api.shutdown()
    api.clear_providers()
