"""The SDK's client following this server over HTTP, as app servers without a delivery folder do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from delivery.models import AppServer
from delivery.services import deliver
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from tests.factories import make_experiment
from usersplit_sdk import Client, User
from usersplit_sdk.origin import Answer, Connection


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the client asked for since it was made, and the status of the answer."""
    found: list[tuple[str, int]] = []
    get = Connection.get

    def watched(self: Connection, path: str, etag: str | None = None, more: Any = None) -> Answer:
        answer = get(self, path, etag, more)
        found.append((path.removeprefix("/api/v1/delivery/"), answer.status))
        return answer

    monkeypatch.setattr(Connection, "get", watched)
    return found


@pytest.fixture
def client(
    transactional_db: None, manager: Actor, live_server: Any, tmp_path: Path, answers: list[tuple[str, int]]
) -> Iterator[Client]:
    for key in ("first", "second"):
        make_experiment(manager, Status.RUNNING, key=key)
    deliver()
    _, token = create_token(manager, "app server", [Scope.DELIVER])
    with Client.from_url(live_server.url, token, cache_dir=tmp_path / "cache", poll_seconds=None) as made:
        yield made


def test_first_load_gets_everything_and_then_only_what_changes(
    client: Client, manager: Actor, answers: list[tuple[str, int]]
) -> None:
    assert client.status.errors == ()
    assert client.status.tests == 2
    assert sorted(answers) == [
        ("files/tests/first.json", 200),
        ("files/tests/second.json", 200),
        ("manifest", 200),
        ("manifest", 304),
    ]

    answers.clear()
    assert client.refresh()
    assert answers == [("manifest", 304)]

    answers.clear()
    apply_verb(manager, Experiment.objects.get(key="first"), Verb.PAUSE)
    deliver()
    version = client.status.version
    assert client.refresh()
    assert answers == [("manifest", 200), ("files/tests/first.json", 200), ("manifest", 304)]
    assert version is not None
    assert client.status.version == version + 1
    assert AppServer.objects.get().version == version + 1


def test_client_decides_as_the_tests_are_changed(client: Client, manager: Actor) -> None:
    users = [User(str(number), number) for number in range(1, 2401)]
    assert any(client.get_active_variant("first", user) for user in users)
    apply_verb(manager, Experiment.objects.get(key="first"), Verb.PAUSE)
    deliver()
    assert client.refresh()
    assert not any(client.get_active_variant("first", user) for user in users)
    assert any(client.get_active_variant("second", user) for user in users)


def test_token_without_the_scope_is_told_what_it_lacks(
    client: Client, manager: Actor, live_server: Any
) -> None:
    _, reader = create_token(manager, "reader", [Scope.READ])
    for token, words in ((reader, "needs the scope deliver"), ("ust_made_up", "does not know the token")):
        with Client.from_url(live_server.url, token, cache_dir=False, poll_seconds=None) as other:
            assert words in other.status.errors[0]
            assert token not in other.status.errors[0]
