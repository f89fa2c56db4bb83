"""The collector of a web process sets aside what survived, and forgets nothing for good."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from core import pauses


class Part:
    """Something that holds itself, so that only the collector finds it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    before = list(gc.callbacks)
    yield
    gc.callbacks[:] = before
    gc.unfreeze()


def test_what_survived_a_full_collection_is_not_looked_at_by_the_next() -> None:
    pauses.keep_pauses_short()
    kept = [Part() for _ in range(1_000)]
    gc.collect()
    assert gc.get_freeze_count() > len(kept)
    assert not any(isinstance(found, Part) for found in gc.get_objects())


def test_what_is_dropped_before_that_goes_at_once() -> None:
    pauses.keep_pauses_short()
    dropped = weakref.ref(Part())
    gc.collect()
    assert dropped() is None


def test_what_was_set_aside_and_dropped_goes_when_everything_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses.keep_pauses_short()
    part: Part | None = Part()
    dropped = weakref.ref(part)
    gc.collect()
    part = None
    gc.collect()
    assert dropped() is not None
    monkeypatch.setattr(pauses, "AGAIN_AFTER", 0.0)
    gc.collect()
    assert dropped() is None


def test_what_is_set_aside_grows_by_no_more_than_a_quarter_before_all_is_looked_at_again() -> None:
    pauses.keep_pauses_short()
    at_first = gc.get_freeze_count()
    for _ in range(40):
        # In use while the collector runs, dropped afterwards: a request that ran just then.
        in_use = [Part() for _ in range(at_first // 20)]
        gc.collect()
        del in_use
    assert gc.get_freeze_count() < 1.5 * at_first


def test_asking_twice_is_asking_once() -> None:
    pauses.keep_pauses_short()
    callbacks = list(gc.callbacks)
    pauses.keep_pauses_short()
    assert gc.callbacks == callbacks
