"""Celery: a task sees the variants of whoever sent it, through a broker, a worker, retries and tasks it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import uuid4

import flask
import pytest
from celery import Celery, chain
from celery.contrib.testing.worker import start_worker

from tests.integrations.files import BUTTON, CONTROL, GREEN, a_client
from tests.workers import another_application
from usersplit_sdk import Client, Environment, RecordingHits, User
from usersplit_sdk.bound import Split, current_split, use_split
from usersplit_sdk.integrations.celery import HEADER, SplitTasks, decode, encode
from usersplit_sdk.integrations.flask import UserSplit, split

app = Celery("letters", broker="memory://", backend="cache+memory://", set_as_current=False)
app.conf.update(broker_transport_options={"polling_interval": 0.01}, task_default_queue="letters")


@app.task
def variant_of_letter(_: object = None) -> str | None:
    found = current_split()
    return found.variant("green_button") if found else None


@app.task
def send_another() -> str:
    return str(variant_of_letter.delay().id)


@app.task(bind=True)
def fails_once(self: Any) -> Any:
    if not self.request.retries:
        raise self.retry(countdown=0)
    return variant_of_letter()


@pytest.fixture(scope="module")
def _worker() -> Iterator[None]:
    with another_application(), start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


@pytest.fixture
def tasks() -> Iterator[tuple[Client, RecordingHits]]:
    client, hits = a_client()
    installed = SplitTasks(lambda: client)
    yield client, hits
    installed.disconnect()


def answer_of(result: Any) -> Any:
    return result.get(timeout=30, interval=0.01)


@pytest.mark.usefixtures("_worker")
def test_a_task_sees_the_variant_of_its_sender(tasks: tuple[Client, RecordingHits]) -> None:
    client, hits = tasks
    for user, request, variant in [
        (User("1", GREEN), None, "<green>"),
        (User("2", CONTROL), None, "control"),
        (None, Environment(split_group=GREEN, device_id="d"), "<green>"),
        (None, None, None),
    ]:
        with use_split(Split(client, user, request)):
            sent = variant_of_letter.delay()
        assert answer_of(sent) == variant
    assert [(hit.user_id, hit.device_id, hit.split_group) for hit in hits.hits] == [
        ("1", None, GREEN),
        ("2", None, CONTROL),
        (None, "d", GREEN),
    ]


@pytest.mark.usefixtures("_worker")
def test_a_task_that_nobody_sent_has_no_split(tasks: tuple[Client, RecordingHits]) -> None:
    with use_split(Split(tasks[0], User("1", GREEN))):
        first = variant_of_letter.delay()
    assert (answer_of(first), answer_of(variant_of_letter.delay())) == ("<green>", None)


@pytest.mark.usefixtures("_worker")
def test_it_goes_on_to_retries_and_to_the_tasks_of_tasks(tasks: tuple[Client, RecordingHits]) -> None:
    with use_split(Split(tasks[0], User("1", GREEN))):
        retried, outer = fails_once.delay(), send_another.delay()
        chained = chain(variant_of_letter.s(), variant_of_letter.s()).apply_async()
    assert answer_of(retried) == "<green>"
    assert answer_of(app.AsyncResult(answer_of(outer))) == "<green>"
    assert answer_of(chained) == "<green>"


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("header", ["", "{", "[]", '{"user": 5}', 5, "[" * 100_000])
def test_a_header_that_cannot_be_read_costs_the_split_not_the_task(
    tasks: tuple[Client, RecordingHits], header: object
) -> None:
    answer = answer_of(variant_of_letter.apply_async(headers={HEADER: header}))  # type: ignore[dict-item]  # what a stranger sends
    assert answer is None


def test_a_task_that_is_called_at_once_shares_the_senders_split(tasks: tuple[Client, RecordingHits]) -> None:
    with use_split(Split(tasks[0], User("1", GREEN))) as outer:
        assert variant_of_letter.apply().get() == "<green>"
        assert current_split() is outer
    assert variant_of_letter.apply().get() is None


def test_a_split_ends_with_its_task(tasks: tuple[Client, RecordingHits]) -> None:
    carried = {HEADER: encode(Split(tasks[0], User("1", GREEN)))}
    with use_split(Split(tasks[0], User("2", CONTROL))) as outer:
        assert variant_of_letter.apply(headers=carried).get() == "<green>"
        assert current_split() is outer


@pytest.mark.usefixtures("_worker")
def test_a_header_that_is_given_wins(tasks: tuple[Client, RecordingHits]) -> None:
    carried = {HEADER: encode(Split(tasks[0], User("1", GREEN)))}
    with use_split(Split(tasks[0], User("2", CONTROL))):
        sent = variant_of_letter.apply_async(headers=carried)
    assert answer_of(sent) == "<green>"


@pytest.mark.usefixtures("_worker")
def test_a_guest_of_a_web_page_and_the_letter_see_the_same(tasks: tuple[Client, RecordingHits]) -> None:
    web = flask.Flask(__name__)
    web.config["SECRET_KEY"] = "a secret"
    UserSplit(web, tasks[0])

    @web.get("/")
    def order() -> list[object]:
        letter = answer_of(variant_of_letter.delay())
        return [split.variant("green_button"), letter]

    for _ in range(10):
        response = web.test_client().get("/")
        page, letter = response.get_json()
        assert page == letter is not None
        assert "Set-Cookie" in response.headers
    assert len({hit.split_group for hit in tasks[1].hits}) > 5


def test_what_travels() -> None:
    client, _ = a_client()
    moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    attributes = {
        "country_id": 50, "is_paying": True, "score": 0.5, "language": "de", "registered_at": moment,
        "birthday": date(2000, 1, 2), "tags": ("a", "b"), "model": object(), "nested": {"a": 1}, "none": None,
    }  # fmt: skip
    environment = Environment("d", {"platform": "web"}, ("a", "b"), 7)
    found = decode(client, encode(Split(client, User(5, 17, attributes), environment, language="de-AT")))
    assert found.user == User(
        "5",
        17,
        {
            "country_id": 50, "is_paying": True, "score": 0.5, "language": "de",
            "registered_at": "2026-11-22T12:00:00+00:00", "birthday": "2000-01-02", "tags": ["a", "b"],
        },
    )  # fmt: skip
    assert found.environment == Environment("d", {"platform": "web"}, ["a", "b"], 7)
    assert found.language == "de-AT"
    assert json.loads(encode(Split(client)))["user"] is None


class Platform(str, Enum):  # noqa: UP042 - applications have such: it is not written as it is compared
    WEB = "web"


@pytest.mark.parametrize(
    ("operator", "operand", "value"),
    [
        ("eq", 20, Decimal("20.00")),
        ("lt", 0.1, Decimal("0.1")),
        ("eq", "web", Platform.WEB),
        ("within_days", 30_000, datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=3208)))),
        ("within_days", 30_000, datetime(2026, 1, 1)),  # noqa: DTZ001 - applications have such
        ("has", "a", {"a", "b"}),
    ],
)
def test_conditions_read_the_same_in_the_task(operator: str, operand: object, value: object) -> None:
    condition = {"filter": "x", "source": "user", "operator": operator, "value": operand}
    client, _ = a_client({**BUTTON, "conditions": [condition]})
    sender = Split(client, User("1", GREEN, {"x": value}))
    task = decode(client, encode(sender))
    assert (sender.variant("green_button"), task.variant("green_button")) == ("<green>", "<green>")


def test_an_id_that_is_none_does_not_keep_the_split_from_travelling() -> None:
    client, _ = a_client()
    odd = User(uuid4(), 17, {"country_id": 50})  # type: ignore[arg-type]
    assert decode(client, encode(Split(client, odd))).user == User(None, 17, {"country_id": 50})
