"""OpenFeature: hooks around evaluation, and tracking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.hook import Hook, HookContext
from openfeature.track import TrackingEventDetails

from accounts.actors import Actor
from accounts.services import create_token
from analytics.models import Batch
from tests.integrations.files import BUTTON, GREEN, a_client
from tests.waiting import wait_until
from usersplit_sdk import Client, Problem
from usersplit_sdk.events import Event, HttpEvents, RecordingEvents
from usersplit_sdk.integrations.openfeature import UserSplitProvider

MIA = EvaluationContext("mia", {"split_group": GREEN, "device_id": "phone"})


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    api.shutdown()
    api.clear_providers()


class Listening(Hook):
    """Writes down what OpenFeature tells it."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def before(self, hook_context: HookContext, hints: Any) -> EvaluationContext:
        self.told.append(("before", hook_context.flag_key, hook_context.default_value))
        return EvaluationContext("mia", {"split_group": GREEN})

    def after(self, hook_context: HookContext, details: Any, hints: Any) -> None:
        self.told.append(("after", details.variant, details.reason, details.flag_metadata["settings_group"]))

    def error(self, hook_context: HookContext, exception: Exception, hints: Any) -> None:
        self.told.append(("error", hook_context.flag_key, type(exception).__name__))

    def finally_after(self, hook_context: HookContext, details: Any, hints: Any) -> None:
        self.told.append(("finally", details.value))


def test_hooks_hear_of_evaluations_and_may_say_who_asks() -> None:
    client, hits = a_client()
    api.set_provider_and_wait(UserSplitProvider(client))
    hook, flags = Listening(), api.get_client()
    flags.add_hooks([hook])
    assert flags.get_string_value("green_button", "as ever") == "<green>"
    assert hook.told == [
        ("before", "green_button", "as ever"),
        ("after", "<green>", "SPLIT", 3),
        ("finally", "<green>"),
    ]
    assert [hit.user_id for hit in hits.hits] == ["mia"]
    hook.told.clear()
    assert flags.get_string_value("unknown", "as ever") == "as ever"
    assert [told[0] for told in hook.told] == ["before", "error", "finally"]


def test_an_event_is_the_users_with_its_value() -> None:
    sink = RecordingEvents()
    client, _ = a_client()
    api.set_provider_and_wait(UserSplitProvider(client, on_track=sink.record))
    flags = api.get_client()
    flags.track("order.paid", MIA, TrackingEventDetails(19.9, {"currency": "EUR"}))
    flags.track("basket.opened", EvaluationContext(None, {"device_id": "phone"}))
    paid, opened = sink.events
    assert paid._replace(time=opened.time) == Event(
        "order.paid", "mia", "phone", "production", opened.time, 19.9
    )
    assert opened == Event("basket.opened", None, "phone", "production", opened.time, None)
    assert paid.as_json()["time"] == paid.time.isoformat()
    assert paid.time.tzinfo is not None


def test_tracking_never_disturbs_the_application() -> None:
    problems: list[Problem] = []

    def broken(event: Event) -> None:
        raise OSError("no disk")

    client = Client.from_documents([BUTTON], on_error=problems.append)
    api.set_provider_and_wait(UserSplitProvider(client, on_track=broken))
    flags = api.get_client()
    flags.track("order.paid", MIA)
    flags.track("order.paid")
    flags.track("order.paid", MIA, TrackingEventDetails("a lot"))  # type: ignore[arg-type]
    assert ["disk" in problems[0].message, "targeting key" in problems[1].message] == [True, True]
    assert len(problems) == 3
    api.set_provider_and_wait(UserSplitProvider(client))
    flags.track("order.paid", MIA)
    assert len(problems) == 3


def test_events_arrive_at_a_server(live_server: Any, manager: Actor) -> None:
    _, token = create_token(manager, "shop", ["ingest"])
    problems: list[Problem] = []
    sink = HttpEvents(live_server.url, token, batch_seconds=0.05, timeout=60, on_error=problems.append)
    client, _ = a_client()
    api.set_provider_and_wait(UserSplitProvider(client, on_track=sink.record))
    flags = api.get_client()
    for value in (19.9, 5):
        flags.track("order.paid", MIA, TrackingEventDetails(value))
    wait_until(lambda: sum(batch.items for batch in Batch.objects.all()) == 2, "the events are there")
    assert {batch.stream for batch in Batch.objects.all()} == {"events"}
    assert problems == []
    flags.track("Order paid!", MIA)
    wait_until(lambda: problems, "the server has said what is wrong with the name")
    assert "order.paid" in problems[0].message
    sink.close()
    assert sink.dropped == 1
