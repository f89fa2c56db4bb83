"""Who subscribes to a store sees every snapshot once, in order, and can do the store no harm."""

import gc
import weakref
from typing import Any

from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import Snapshot, snapshot_of_documents
from usersplit_sdk.store import Store


def store() -> Store:
    return Store(Snapshot(version=1), Reporter())


def test_subscriber_gets_the_present_snapshot_at_once_and_each_later_one() -> None:
    seen: list[int | None] = []
    watched = store()
    watched.subscribe(lambda snapshot: seen.append(snapshot.version))
    watched._take(Snapshot(version=2))
    watched._take(Snapshot(version=3))
    assert seen == [1, 2, 3]


def test_subscriber_that_fails_stops_neither_the_swap_nor_the_others() -> None:
    told: list[str] = []
    seen: list[int | None] = []
    watched = Store(Snapshot(version=1), Reporter(lambda problem: told.append(str(problem))))

    def fail(snapshot: Snapshot) -> None:
        raise RuntimeError("no room")

    watched.subscribe(fail)
    watched.subscribe(lambda snapshot: seen.append(snapshot.version))
    watched._take(Snapshot(version=2))
    assert watched.snapshot.version == 2
    assert seen == [1, 2]
    assert told == ["snapshot: RuntimeError: no room"]


def test_store_does_not_keep_the_owner_of_a_subscribed_method_alive() -> None:
    class Owner:
        def __init__(self, watched: Store) -> None:
            self.store = watched
            self.seen: list[Any] = []
            watched.subscribe(self.take)

        def take(self, snapshot: Snapshot) -> None:
            self.seen.append(snapshot.version)

    watched = store()
    owner = Owner(watched)
    watched._take(snapshot_of_documents([], [], None))
    assert owner.seen == [1, None]
    gone = weakref.ref(owner)
    gc.disable()
    try:
        del owner
        assert gone() is None
    finally:
        gc.enable()
    watched._take(Snapshot(version=2))
    assert watched._subscribers == ()
