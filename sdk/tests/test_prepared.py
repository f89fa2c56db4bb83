"""``prepare`` compiles what questions need before they are asked, and goes on doing so for what a refresh brings."""

from typing import Any

import pytest

from usersplit_sdk import Client, Environment, Problem, User, engine, view
from usersplit_sdk.snapshots import Snapshot, compile_entry

TESTS = 30


def document(number: int, variant: str = "green") -> dict[str, Any]:
    # More tests than are looked at one by one own every split group.
    conditions = [{"filter": "country_id", "source": "user", "operator": "in", "value": [number]}]
    return {
        "format": 1,
        "kind": "test",
        "key": f"test_{number}",
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": conditions,
        "variants": [{"name": variant, "split_groups": [[1, 2400]]}],
    }


def group() -> dict[str, Any]:
    return {**document(1), "kind": "group", "key": "christmas"}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys in the order in which they are compiled from here on."""
    keys: list[str] = []

    def watched(test: Any, *rest: Any) -> Any:
        keys.append(test.key)
        return engine.compile_check(test, *rest)

    monkeypatch.setattr(view, "compile_check", watched)
    return keys


def ask_everything(client: Client) -> None:
    user = User("1", 7, {"country_id": 1})
    assert client.active_variants(user, Environment()) == {"test_1": "green"}
    assert client.get_active_variant("test_1", user, Environment()) == "green"
    assert client.is_in_group("christmas", user)


def test_nothing_is_left_for_the_first_question(compiled: list[str]) -> None:
    client = Client.from_documents([document(number) for number in range(TESTS)], [group()])
    assert compiled == []
    client.prepare()
    assert sorted(compiled) == sorted(["christmas", *client.test_keys()])
    ask_everything(client)
    client.prepare()
    assert len(compiled) == TESTS + 1


def test_what_was_asked_before_is_not_compiled_again(compiled: list[str]) -> None:
    client = Client.from_documents([document(number) for number in range(TESTS)], [group()])
    ask_everything(client)
    before = len(compiled)
    client.prepare()
    assert (len(compiled), len(set(compiled))) == (TESTS + 1, TESTS + 1)
    assert before < len(compiled)


def test_a_refresh_compiles_what_has_changed_before_it_is_seen(compiled: list[str]) -> None:
    client = Client.from_documents([document(number) for number in range(TESTS)], [group()])
    client.prepare()
    compiled.clear()
    seen: list[str | None] = []
    client._store.subscribe(
        lambda _: seen.append(client.get_active_variant("test_1", User("1", 7, {"country_id": 1})))
    )
    path = "tests/test_1.json"
    changed = {**client._store.snapshot.files, path: compile_entry(path, document(1, "red"))}
    client._store._take(Snapshot(changed))
    assert compiled == ["test_1"]
    assert seen == ["green", "red"]


def test_what_cannot_be_prepared_is_told_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Problem] = []
    client = Client.from_documents([document(1)], [group()], on_error=told.append)
    with monkeypatch.context() as broken:
        broken.setattr(view, "Index", lambda tests: 1 / 0)
        client.prepare()
    assert [problem.where for problem in told] == ["prepare"]
    ask_everything(client)
