"""Variants, settings groups, payloads, texts and for whom tests are off change together: no answer holds two versions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from usersplit_sdk import Client, Environment, Hit, Reason, User
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import Snapshot, snapshot_of_documents
from usersplit_sdk.store import Store

KEYS = ("one", "two", "three")
READERS = 8
REFRESHES = 1000
USER, REQUEST = User("1", 1, {"country": 50}), Environment("d")
Wrong = Callable[[object], None]


def version(number: int) -> Snapshot:
    """Everything in it says the number; with every second one, tests are off for the user."""
    name = f"v{number}"
    documents = [
        {
            "format": 1,
            "kind": "test",
            "key": key,
            "status": "running",
            "side": "server",
            "settings_group": number,
            "conditions": [{"filter": "country", "source": "user", "operator": "eq", "value": 50}],
            "variants": [{"name": name, "split_groups": [[1, 2400]], "payload": number}],
            "tokens": {"pay": {name: {"en": name}}},
        }
        for key in KEYS
    ]
    return snapshot_of_documents(documents, [], {"user_ids": ["1"] if number % 2 else []})


class Watched:
    """A sink that looks at the hits."""

    def __init__(self, wrong: Wrong) -> None:
        self.wrong = wrong

    def record(self, hit: Hit) -> None:
        if hit.variant != f"v{hit.settings_group}" or hit.settings_group % 2:
            self.wrong(hit)

    def close(self) -> None:
        """Nothing is held."""


def look(client: Client, wrong: Wrong) -> None:
    """All ways to ask, once."""
    variants = client.active_variants(USER, REQUEST)
    if variants and (len(variants) != len(KEYS) or len(set(variants.values())) != 1):
        wrong(variants)
    if any(int(variant[1:]) % 2 for variant in variants.values()):
        wrong(("off", variants))
    decision = client.explain("one", USER, REQUEST)
    number = decision.settings_group or 0
    expected = (None, Reason.TESTS_OFF) if number % 2 else (f"v{number}", Reason.SPLIT)
    if decision[:2] != expected:
        wrong(decision)
    variant = client.get_active_variant("two", USER, REQUEST)
    payload = client.payload("three", USER, REQUEST)
    text = client.text("pay", USER, REQUEST, language="en", default="v0")
    for found in (variant or "v0", f"v{payload or 0}", text):
        if int(found[1:]) % 2:
            wrong(("off", found))


@pytest.fixture
def _eager_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_eager_switching")
def test_no_answer_and_no_hit_is_of_two_versions() -> None:
    found: list[object] = []
    wrong = found.append
    reporter = Reporter(wrong)
    store = Store(version(2), reporter)
    client = Client(store, reporter, hits=Watched(wrong), hit_window=0)
    done = Event()
    looks = [0] * READERS

    def read(reader: int) -> None:
        while not done.is_set():
            try:
                look(client, wrong)
            except Exception as problem:  # noqa: BLE001 - else the thread would end in silence
                wrong(problem)
            looks[reader] += 1

    readers = [Thread(target=read, args=(reader,)) for reader in range(READERS)]
    for reader in readers:
        reader.start()
    versions: list[Any] = [version(number) for number in range(2, 22)]
    for number in range(REFRESHES):
        store._take(versions[number % len(versions)])
    done.set()
    for reader in readers:
        reader.join()
    assert found == []
    assert min(looks) > 0


@pytest.mark.usefixtures("_eager_switching")
def test_threads_that_ask_first_get_the_same_answer() -> None:
    found: list[object] = []
    for number in range(2, 100, 2):
        reporter = Reporter(found.append)
        client = Client(Store(version(number), reporter), reporter)
        together = Barrier(4)

        def ask(client: Client = client, together: Barrier = together, number: int = number) -> None:
            together.wait()
            answers = [client.active_variants(USER)[key] for key in KEYS]
            answers += [client.get_active_variant(key, USER) or "" for key in KEYS]
            if set(answers) != {f"v{number}"}:
                found.append(answers)

        threads = [Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == []
