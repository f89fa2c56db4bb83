"""Checks on an event loop answer as the client does that they are made of, and log what they should."""

from __future__ import annotations

import asyncio
import json
import threading
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import (
    AsyncClient,
    AsyncRecordingHits,
    Batching,
    Environment,
    FileHits,
    Reason,
    RecordingHits,
    User,
    event_loop,
)

if TYPE_CHECKING:
    from tests.asynchronous.conftest import HeldHits, Shop

KEY = "green_button"


def test_ten_thousand_concurrent_checks_lose_no_hit(shop: Shop) -> None:
    """Fewer fit into the queue than there are checks: most of them wait for room."""
    sink = AsyncRecordingHits()

    async def run() -> list[str | None]:
        async with shop.client(sink, batching=Batching(limit=1000)) as client:
            return await shop.check(client, range(10_000))

    assert asyncio.run(run()) == ["control"] * 10_000
    assert sorted(hit.user_id or "" for hit in sink.hits) == sorted(f"u{number}" for number in range(10_000))
    assert max(sink.batches) == 500
    assert shop.told == []


def test_every_question_is_answered_as_by_the_client_inside(shop: Shop) -> None:
    sink = AsyncRecordingHits()
    green, outside = User("1", 1500), User("2", 2400)

    async def ask(client: AsyncClient, user: User) -> list[Any]:
        return [
            await client.get_active_variant(KEY, user, log_hit=False),
            await client.payload(KEY, user),
            await client.text("pay_button", user, language="en", default="Buy", log_hit=False),
            client.explain(KEY, user).reason,
            client.active_variants(user),
            client.is_in_group("christmas", user),
        ]

    async def run() -> list[list[Any]]:
        async with shop.client(sink) as client:
            assert client.status.tests == 1
            return [await ask(client, user) for user in (green, outside)]

    assert asyncio.run(run()) == [
        ["green", {"color": "#0a0"}, "Get it", Reason.SPLIT, {KEY: "green"}, False],
        [None, None, "Buy", Reason.SPLIT_GROUP_NOT_IN_TEST, {}, False],
    ]
    assert sink.hits == []


def test_what_logs_a_hit_logs_it_once_in_a_window(shop: Shop) -> None:
    sink = AsyncRecordingHits()

    async def run() -> None:
        async with shop.client(sink) as client:
            for _ in range(2):
                await client.get_active_variant(KEY, User("1", 1500))
                await client.payload(KEY, User("2", 1500), log_hit=True)
                await client.text("pay_button", User("3", 1500), language="en", default="Buy")
                assert await client.log_hit(KEY, "control", User("4"))
                assert not await client.log_hit(KEY, "blue", User("4"))
                await client.get_active_variant(KEY, None, Environment("a-device", split_group=1500))

    asyncio.run(run())
    assert [(hit.user_id or hit.device_id, hit.variant) for hit in sink.hits] == [
        ("1", "green"), ("2", "green"), ("3", "green"), ("4", "control"), ("a-device", "green"),
    ]  # fmt: skip


@pytest.mark.parametrize("tasks", [1, 10, 2000])
def test_other_tasks_get_their_turn_however_many_checks_there_are(shop: Shop, tasks: int) -> None:
    """One task with all of them, or each in a task of its own: not many come between two turns of another."""
    checks = 0
    seen: list[int] = []

    async def others() -> None:
        while True:
            seen.append(checks)
            await asyncio.sleep(0)

    async def ask(client: AsyncClient) -> None:
        nonlocal checks
        for number in range(2000 // tasks):
            if number % 2:
                assert await client.log_hit(KEY, "control", User("1"))
            else:
                assert await client.get_active_variant(KEY, User("1", 1)) == "control"
            checks += 1

    async def run() -> None:
        async with shop.client() as client:
            other = asyncio.create_task(others())
            await asyncio.gather(*(ask(client) for _ in range(tasks)))
            other.cancel()

    asyncio.run(run())
    assert checks == 2000
    assert max(later - earlier for earlier, later in pairwise([*seen, checks])) <= 2 * event_loop.AT_A_TURN


def test_who_is_cancelled_while_waiting_for_a_turn_holds_up_nobody(shop: Shop) -> None:
    sink = AsyncRecordingHits()

    async def run() -> list[str | BaseException | None]:
        async with shop.client(sink) as client:
            tasks = [
                asyncio.create_task(client.get_active_variant(KEY, shop.user(number)))
                for number in range(400)
            ]
            await asyncio.sleep(0)
            for task in tasks[60:360]:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(run())
    assert answers.count("control") == len(sink.hits) == 100


def test_plain_sink_works_as_it_is(shop: Shop, tmp_path: Path) -> None:
    async def run(sink: object) -> None:
        async with shop.client(sink) as client:
            await shop.check(client, range(100))
            assert client.dropped_hits == 0

    recording = RecordingHits()
    asyncio.run(run(recording))
    asyncio.run(run(FileHits(tmp_path / "hits.jsonl")))
    lines = [json.loads(line)["user_id"] for line in (tmp_path / "hits.jsonl").read_text().splitlines()]
    assert {hit.user_id for hit in recording.hits} == set(lines)
    assert len(lines) == 100


def test_hits_of_other_threads_arrive_too(shop: Shop) -> None:
    """Frameworks run plain handlers in threads; they ask the client inside."""
    sink = AsyncRecordingHits()

    async def run() -> None:
        async with shop.client(sink, batching=Batching(seconds=0)) as client:
            await asyncio.gather(
                *(asyncio.to_thread(client.client.get_active_variant, KEY, shop.user(n)) for n in range(50))
            )
            await shop.eventually(lambda: len(sink.hits) == 50)

    asyncio.run(run())


def test_a_client_belongs_to_the_loop_that_started_it(shop: Shop, held: HeldHits) -> None:
    client = shop.client(held, batching=Batching(1, 0, 1))

    async def of_another_loop() -> str | None:
        with pytest.raises(RuntimeError, match="one for each event loop"):
            await client.start()
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await client.close()
        return await client.get_active_variant(KEY, shop.user(2))

    async def run() -> None:
        async with client:
            await client.get_active_variant(KEY, shop.user(1))
            answers: list[str | None] = []
            thread = threading.Thread(target=lambda: answers.append(asyncio.run(of_another_loop())))
            thread.start()
            await asyncio.to_thread(thread.join)
            assert answers == ["control"]
            held.go.set()

    asyncio.run(run())
    assert held.ids() == {"u1"}
    assert client.dropped_hits == 1
    assert shop.told[0] == "hits: a check came from another event loop than the client's"
    with pytest.raises(RuntimeError, match="started before"):
        asyncio.run(client.start())


def test_checks_before_the_start_and_after_the_end_answer(shop: Shop) -> None:
    sink = AsyncRecordingHits()
    client = shop.client(sink, batching=Batching(size=1, limit=1))

    async def run() -> None:
        assert await shop.check(client, [1]) == ["control"]
        async with client:
            pass
        assert await shop.check(client, [2]) == ["control"]
        assert not await client.log_hit(KEY, "control", shop.user(3))
        await client.close()

    asyncio.run(run())
    assert [hit.user_id for hit in sink.hits] == ["u1"]
    assert client.dropped_hits == 2
    assert shop.told == ["hits: NotTaken: some are dropped: the client is closed"]
