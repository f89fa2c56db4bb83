"""Whatever an application hands over: no exception comes out, and every form of a check gives the same answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Event, Thread
from typing import Any

import pytest
from fuzz.hostile_objects import REQUESTS, USERS, LastOfMany

from usersplit_sdk import Client, Environment, Reason, RecordingHits, User


def tree() -> list[Any]:
    found: list[Any] = []
    for operator, operand in [
        ("eq", "web"),
        ("in", ["web", "x"]),
        ("in", [1, "x"]),
        ("not_in", ["a"]),
        ("has_none", [1]),
        ("matches", "w.b$"),
        ("gt", 1),
        ("between", [1, 3]),
        ("contains", "e"),
        ("lte", "2026-11-22"),
        ("within_days", 3),
        ("version_gt", "1.9"),
    ]:
        for source in ("user", "environment"):
            found += ["AND", {"filter": "a", "source": source, "operator": operator, "value": operand}, "OR"]
            found += [{"filter": "b", "source": source, "operator": "is_not_set"}]
    return found[1:]


def document(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": "one", "split_groups": [[3, 3]]}],
        **changes,
    }


ONE = {"filter": "a", "source": "user", "operator": "eq", "value": "web"}
DOCUMENTS = [
    document("all"),
    document("dev", status="dev"),
    document("odd", side="client"),
    document("met", conditions=tree()),
    document(
        "forced",
        conditions=tree(),
        forced=[
            {"variant": "one", "environment": "production", "user_id": "7"},
            {"variant": "one", "environment": "production", "device_id": "7"},
        ],
    ),
    *(document(f"web_{number}", conditions=[ONE]) for number in range(8)),
]
GROUP = document("group", kind="group", conditions=[ONE])


def clients() -> Iterator[Client]:
    for off in (None, {"user_ids": ["off", "7"], "device_ids": ["off"]}):
        for few in (len(DOCUMENTS), 5):
            yield Client.from_documents(DOCUMENTS[:few], [GROUP], tests_off=off, hits=RecordingHits())


CLIENTS = list(clients())


def agree(client: Client, user: Any, request: Any) -> None:
    """Ask in all forms. (The first one compiles.)"""
    answers = {key: client.explain(key, user, request) for key in client.test_keys()}
    for key, answer in answers.items():
        # Among what cannot be compared nothing can be looked up; that is for the one test to suffer.
        assert key == "odd" or answer.reason is not Reason.INVALID_TEST_FILE, answer.detail
        assert client.get_active_variant(key, user, request) == answer.variant, key
        assert client.get_active_variant(key, user, request, log_hit=False) == answer.variant, key
        assert client.payload(key, user, request) is None
    found = {key: answer.variant for key, answer in answers.items() if answer.variant is not None}
    assert client.active_variants(user, request) == found
    in_group = client.is_in_group("group", user, request)
    assert isinstance(in_group, bool)
    assert client.is_in_group("group", user, request) is in_group
    client.log_hit("all", "one", user, request)


@pytest.mark.parametrize("number", range(len(USERS)))
def test_any_user(number: int) -> None:
    for client in CLIENTS:
        agree(client, USERS[number], None)
        agree(client, USERS[number], Environment("d", {"a": "web"}))


@pytest.mark.parametrize("number", range(len(REQUESTS)))
def test_any_request(number: int) -> None:
    for client in CLIENTS:
        agree(client, None, REQUESTS[number])
        agree(client, User("1", 3, {"a": "web"}), REQUESTS[number])


def test_attributes_that_another_thread_changes() -> None:
    attributes: dict[str, Any] = {"a": "web"}
    stop = Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            attributes[f"x{number % 1000}"] = number
            attributes.pop(f"x{(number - 500) % 1000}", None)

    changing = Thread(target=change)
    changing.start()
    try:
        client, user = CLIENTS[0], User("1", 3, attributes)
        for _ in range(200):
            assert client.get_active_variant("web_1", user) == "one"
            assert "web_7" in client.active_variants(user)
    finally:
        stop.set()
        changing.join()


def test_what_an_application_adds_to_a_mapping_later_counts() -> None:
    attributes: Mapping[str, Any] = LastOfMany(a=["web", "x"])
    user, client = User("1", 3, attributes), CLIENTS[0]
    assert client.get_active_variant("web_1", user) is None
    assert isinstance(attributes, dict)
    attributes["a"] = ["x", "web"]
    assert client.get_active_variant("web_1", user) == "one"
    user.split_group = 4
    assert client.get_active_variant("web_1", user) is None
    user.split_group = 3
    user.attributes = {"a": "web"}
    assert client.get_active_variant("web_1", user) == "one"
    assert "web_1" in client.active_variants(user)
