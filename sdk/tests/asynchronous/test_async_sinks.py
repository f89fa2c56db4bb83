"""Sinks that are slow, fail, hang or refuse: what can be stored is, the rest is counted, and no check hangs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from usersplit_sdk import AsyncRecordingHits, Batching, async_client, async_queue

if TYPE_CHECKING:
    from tests.asynchronous.conftest import HeldHits, Shop


def test_batches_are_bounded_and_begin_when_one_is_full(shop: Shop) -> None:
    sink = AsyncRecordingHits()

    async def run() -> None:
        async with shop.client(sink, batching=Batching(size=10, seconds=3600)) as client:
            await shop.check(client, range(25))
            await shop.eventually(lambda: len(sink.hits) == 20)
        assert sink.batches == [10, 10, 5]

    asyncio.run(run())


def test_few_hits_do_not_wait_for_a_full_batch(shop: Shop) -> None:
    sink = AsyncRecordingHits()

    async def run() -> None:
        async with shop.client(sink, batching=Batching(seconds=0.01)) as client:
            await shop.check(client, range(3))
            await shop.eventually(lambda: sink.batches == [3])

    asyncio.run(run())


def test_checks_with_a_hit_wait_for_room_and_others_do_not(shop: Shop, held: HeldHits) -> None:
    async def run() -> None:
        async with shop.client(held, batching=Batching(size=2, seconds=0, limit=4)) as client:
            await shop.check(client, range(4))
            waiting = asyncio.create_task(shop.check(client, range(4, 20)))
            await shop.eventually(lambda: held.calls == 1)
            assert await client.get_active_variant("green_button", shop.user(99, 2400)) is None
            assert await client.get_active_variant("green_button", shop.user(99), log_hit=False) == "control"
            assert (
                await client.text("unknown", shop.user(9), language="en", default="Buy", log_hit=False)
                == "Buy"
            )
            assert not waiting.done()
            held.go.set()
            assert await waiting == ["control"] * 16

    asyncio.run(run())
    assert held.ids() == {f"u{number}" for number in range(20)}
    assert len(held.hits) == 20


def test_a_cancelled_check_has_logged_nothing_and_takes_nothing_from_others(
    shop: Shop, held: HeldHits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_client, "AT_A_TURN", 1000)

    async def run() -> None:
        async with shop.client(held, batching=Batching(size=5, seconds=0, limit=5)) as client:
            await shop.check(client, range(5))
            tasks = [
                asyncio.create_task(client.get_active_variant("green_button", shop.user(number)))
                for number in range(5, 105)
            ]
            await shop.eventually(lambda: held.calls == 1)
            for task in tasks[::2]:
                task.cancel()
            held.go.set()
            # Some are cancelled while they are being woken.
            await shop.eventually(tasks[1].done)
            for task in tasks[51:101:4]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            answered = {f"u{number}" for number, answer in enumerate(answers, 5) if answer == "control"}
            assert 25 <= len(answered) < 50
        assert held.ids() == answered | {f"u{number}" for number in range(5)}
        assert len(held.hits) == len(answered) + 5

    asyncio.run(run())
    assert shop.told == []


def test_a_sink_that_fails_gets_its_hits_again(shop: Shop, held: HeldHits) -> None:
    held.go.set()
    held.trouble = ConnectionError("database is down")

    async def run() -> None:
        async with shop.client(held, batching=Batching(size=50, seconds=0, limit=100)) as client:
            checks = asyncio.create_task(shop.check(client, range(300)))
            await shop.eventually(lambda: held.calls > 10)
            assert not checks.done()
            held.trouble = None
            await checks
            assert client.dropped_hits == 0

    asyncio.run(run())
    assert held.ids() == {f"u{number}" for number in range(300)}
    assert len(held.hits) == 300
    assert shop.told == ["hits: ConnectionError: database is down"]


def test_a_sink_that_is_cancelled_from_within_goes_on(shop: Shop, held: HeldHits) -> None:
    held.go.set()
    held.trouble = asyncio.CancelledError()

    async def run() -> None:
        async with shop.client(held, batching=Batching(seconds=0)) as client:
            await shop.check(client, range(3))
            await shop.eventually(lambda: held.calls > 2)
            held.trouble = None
            await shop.eventually(lambda: len(held.hits) == 3)

    asyncio.run(run())
    assert shop.told == ["hits: CancelledError: by the sink itself"]


def test_a_hit_that_is_never_taken_does_not_hold_up_the_others(shop: Shop, held: HeldHits) -> None:
    held.go.set()
    held.poison = frozenset({"u0", "u7", "u42"})

    async def run() -> None:
        async with shop.client(held, batching=Batching(size=16, seconds=0, limit=64)) as client:
            await shop.check(client, range(100))
            await shop.eventually(lambda: len(held.hits) == 97)
            number = 100
            while client.dropped_hits < 3:
                await shop.check(client, [number])
                await shop.eventually(lambda: f"u{number}" in held.ids())  # noqa: B023 - called before it changes
                number += 1

    asyncio.run(run())
    assert len(held.hits) == len(held.ids())
    assert "hits: some are dropped: the sink takes others, but not these" in shop.told


def test_a_lone_hit_is_not_given_up_while_nothing_shows_that_the_sink_works(
    shop: Shop, held: HeldHits
) -> None:
    held.go.set()
    held.trouble = ConnectionError("database is down")

    async def run() -> None:
        async with shop.client(held, batching=Batching(seconds=0)) as client:
            await shop.check(client, [1])
            await shop.eventually(lambda: held.calls > 20)
            held.trouble = None

    asyncio.run(run())
    assert held.ids() == {"u1"}


def test_checks_wait_for_a_hanging_sink_only_as_long_as_there_is_patience(shop: Shop, held: HeldHits) -> None:
    async def run() -> None:
        async with shop.client(held, batching=Batching(size=2, seconds=0, limit=4, patience=0.01)) as client:
            assert await shop.check(client, range(10)) == ["control"] * 10
            assert client.dropped_hits == 6
            held.go.set()
            await shop.eventually(lambda: len(held.hits) == 4)
            # It stores again, so checks wait for it again; and who was not logged is logged by the next check.
            await shop.check(client, range(10))
            assert client.dropped_hits == 6

    asyncio.run(run())
    assert held.ids() == {f"u{number}" for number in range(10)}
    assert shop.told == ["hits: NotTaken: some are dropped: too many are waiting to be stored"]


def test_closing_gives_up_in_time_and_counts(
    shop: Shop, held: HeldHits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_queue, "LAST_SECONDS", 20.0)

    async def run() -> int:
        client = shop.client(held, batching=Batching(size=2, seconds=0, limit=4))
        await client.start()
        await shop.check(client, range(4))
        waiting = asyncio.create_task(shop.check(client, range(4, 6)))
        await shop.eventually(lambda: held.calls == 1)
        await client.close(timeout=0.01)
        assert await waiting == ["control", "control"]
        assert held.closed
        return client.dropped_hits

    assert asyncio.run(run()) == 6
    assert set(shop.told) == {
        "hits: NotTaken: some are dropped: the client is closed",
        "hits: some are dropped: they could not be stored before the client was closed",
    }


def test_closing_goes_on_trying_a_sink_that_fails(shop: Shop, held: HeldHits) -> None:
    held.go.set()
    held.trouble = OSError("no route")

    async def run() -> None:
        client = shop.client(held, batching=Batching(seconds=0))
        await client.start()
        await shop.check(client, range(4))
        closing = asyncio.create_task(client.close())
        await shop.eventually(lambda: held.calls > 3)
        held.trouble = None
        await closing

    asyncio.run(run())
    assert len(held.hits) == 4


def test_a_cancelled_close_leaves_nothing_running(shop: Shop, held: HeldHits) -> None:
    async def run() -> None:
        client = shop.client(held, batching=Batching(seconds=0))
        await client.start()
        await shop.check(client, range(4))
        await shop.eventually(lambda: held.calls == 1)
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await shop.eventually(lambda: client.dropped_hits == 4)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_who_forgets_to_close_is_told(shop: Shop, held: HeldHits) -> None:
    async def run() -> None:
        client = shop.client(held)
        await client.start()
        await shop.check(client, [1])

    asyncio.run(run())
    assert shop.told == ["hits: the event loop ended before the client was closed"]


class Odd:
    """No coroutine function, and a close that fails."""

    calls = 0

    def store(self, hits: Any) -> None:
        self.calls += 1
        raise OSError("not even begun")

    async def close(self) -> None:
        raise OSError("already gone")


def test_a_sink_of_another_kind_is_told_and_harms_no_check(shop: Shop) -> None:
    sink = Odd()

    async def run() -> None:
        client = shop.client(sink, batching=Batching(seconds=0))
        await client.start()
        assert await shop.check(client, [1]) == ["control"]
        await shop.eventually(lambda: sink.calls > 2)
        await client.close(timeout=0)

    asyncio.run(run())
    assert shop.told == [
        "hits: OSError: not even begun",
        "hits: some are dropped: they could not be stored before the client was closed",
        "hits: OSError: already gone",
    ]


@pytest.mark.parametrize("batching", [(0,), (5, 0.1, 4), (5, -1), (5, 0, 5, -1), (5, float("nan"))])
def test_batching_that_makes_no_sense_is_refused(shop: Shop, batching: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="batching"):
        shop.client(AsyncRecordingHits(), batching=Batching(*cast(Any, batching)))
