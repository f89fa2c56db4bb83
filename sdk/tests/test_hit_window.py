"""A user is logged once for a variant and window, whatever the clock does and however many threads ask at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch

import pytest
from fuzz.clocks import Clock, clock_at

from usersplit_sdk import Client, Environment, Hit, RecordingHits, User
from usersplit_sdk import hit_window as windows
from usersplit_sdk.hit_window import HitWindow
from usersplit_sdk.snapshots import snapshot_of_documents

USER, GUEST = User("1", 1), Environment("1", split_group=1)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with clock_at(1.8e9) as made:
        yield made


def document(key: str = "t1", **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": "a", "split_groups": [[1, 1]]}, {"name": "b", "split_groups": [[2, 2400]]}],
        **changes,
    }


def client_of(*documents: dict[str, Any], **options: Any) -> tuple[Client, list[Hit]]:
    hits = RecordingHits()
    return Client.from_documents(documents or [document()], hits=hits, **options), hits.hits


def test_a_window_that_is_over_logs_again(clock: Clock) -> None:
    client, hits = client_of(hit_window=60)
    for now, expected in [(1000, 1), (1059.9, 1), (1060, 2), (1119, 2), (5000, 3), (5059, 3)]:
        clock.monotonic = now
        for _ in range(3):
            assert client.get_active_variant("t1", USER) == "a"
        assert len(hits) == expected


def test_a_clock_that_is_set_back_or_forward_logs_nothing_twice(clock: Clock) -> None:
    client, hits = client_of(document(starts_at="2020-01-01T00:00:00Z"))
    for now in (1.8e9, 1.7e9, 1.9e9, 1.8e9):
        clock.time = now
        assert client.get_active_variant("t1", USER) == "a"
    assert [hit.time.timestamp() for hit in hits] == [1.8e9]
    clock.time = 0.0
    assert client.get_active_variant("t1", USER) is None, "the test had not begun in 1970"
    assert len(hits) == 1


def test_who_is_logged_apart() -> None:
    client, hits = client_of(document(), document("t2"))
    asked = [USER, User(1, 1), User("1", 1, {"x": 1}), User("2", 1), User("1", 2)]
    for _ in range(2):
        for user in asked:
            client.get_active_variant("t1", user, GUEST)
        client.get_active_variant("t1", None, GUEST)
        client.get_active_variant("t2", USER)
        assert client.log_hit("t1", "a", USER)
    found = [(hit.test, hit.user_id, hit.device_id, hit.variant) for hit in hits]
    assert found == [
        ("t1", "1", "1", "a"),
        ("t1", "2", "1", "a"),
        ("t1", "1", "1", "b"),
        ("t1", None, "1", "a"),
        ("t2", "1", None, "a"),
    ]


def test_who_has_no_id_is_logged_each_time() -> None:
    client, hits = client_of()
    for odd in (None, "", True, 1.0):
        client.get_active_variant("t1", User(odd, 1))  # type: ignore[arg-type]
    client.get_active_variant("t1", None, Environment(split_group=1))
    client.get_active_variant("t1", None, Environment(split_group=1))
    assert len(hits) == 6


def test_no_window_at_all() -> None:
    client, hits = client_of(hit_window=0)
    for _ in range(3):
        client.get_active_variant("t1", USER)
    assert len(hits) == 3
    with pytest.raises(ValueError, match="hit_window"):
        client_of(hit_window=-1)
    with pytest.raises(ValueError, match="hit_window"):
        client_of(hit_window=float("nan"))


def test_a_new_settings_group_is_logged_and_a_new_file_of_the_same_is_not() -> None:
    client, hits = client_of()
    client.get_active_variant("t1", USER)
    for changed in (
        document(status="dev"),
        document(),
        document(tokens={"x": {}}),
        document(settings_group=2),
    ):
        client._store._take(snapshot_of_documents([changed], [], None))
        client.get_active_variant("t1", USER)
        client.get_active_variant("t1", USER)
    assert [hit.settings_group for hit in hits] == [1, 2]


def test_a_hit_that_the_sink_refused_is_offered_again() -> None:
    class Moody(RecordingHits):
        def record(self, hit: Hit) -> None:
            self.refused = not getattr(self, "refused", False)
            if self.refused:
                raise OSError("full")
            super().record(hit)

    sink = Moody()
    client = Client.from_documents([document()], hits=sink)
    for _ in range(3):
        assert client.get_active_variant("t1", USER) == "a"
    assert len(sink.hits) == 1


def test_what_is_remembered_is_bounded_and_the_newer_half_is_kept() -> None:
    with patch.object(windows, "LIMIT", 100):
        client, hits = client_of()
        for number in range(1000):
            client.get_active_variant("t1", User(number, 1))
        assert len(hits) == 1000
        for number in range(951, 1000):
            client.get_active_variant("t1", User(number, 1))
        assert len(hits) == 1000
        assert remembered(client._hits.window) <= 300


def test_versions_of_a_test_do_not_pile_up_in_a_window() -> None:
    with patch.object(windows, "LIMIT", 100):
        client, hits = client_of()
        for text in map(str, range(50)):
            changed = document(tokens={text: {"a": {"en": text}}})
            client._store._take(snapshot_of_documents([changed], [], None))
            for number in range(40):
                client.get_active_variant("t1", User(number, 1))
        assert len(hits) == 40
        assert remembered(client._hits.window) <= 300


def remembered(window: HitWindow) -> int:
    return len(window._logged) + len(window._older) + sum(map(len, window.shortcuts.values()))


@pytest.fixture
def _eager_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.00001)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_eager_switching")
@pytest.mark.parametrize("ways", ["first", "after the window"])
def test_of_threads_that_ask_at_once_one_logs(ways: str, clock: Clock) -> None:
    client, hits = client_of(hit_window=60)
    together = Barrier(4)

    def ask(number: int) -> None:
        together.wait()
        client.get_active_variant("t1", User(number, 1))

    for number in range(100):
        if ways != "first":
            clock.monotonic += 60
        threads = [Thread(target=ask, args=(number,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(hits) == number + 1


def test_the_window_after_one_is_the_same_for_all_who_ask() -> None:
    first = HitWindow(60, 0)
    assert first.at(59) is first
    second = first.at(60)
    assert second is not first
    assert first.at(61) is second
    assert second.add("hit")
    assert not first.at(119).add("hit")
    assert first.at(1000).add("hit")


def test_a_hit_is_not_lost_where_half_of_them_is_forgotten_meanwhile() -> None:
    class Turning(dict[object, object]):
        """Another thread turns the page just after the hit was put down."""

        def setdefault(self, key: object, default: object = None) -> object:
            found = super().setdefault(key, default)
            window._older, window._logged = self, {}
            return found

    window = HitWindow(60, 0)
    window._logged = Turning()
    assert window.add("hit")
