"""Whatever a sink and the tasks around it do: every check that was answered is stored, once, and nothing else is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from usersplit_sdk import AsyncClient, AsyncRecordingHits, Batching, Hit

if TYPE_CHECKING:
    from tests.asynchronous.conftest import Shop

CHECKS = 600


class MoodyHits(AsyncRecordingHits):
    """Stores all of a batch or nothing, at once or after a while."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self._draw = draw

    async def store(self, hits: Sequence[Hit]) -> None:
        for _ in range(self._draw.choice((0, 0, 1, 5))):
            await asyncio.sleep(0)
        mood = self._draw.random()
        if mood < 0.3:
            raise ConnectionError("not now")
        if mood < 0.35:
            raise asyncio.CancelledError
        await super().store(hits)


@pytest.mark.parametrize("seed", range(12))
def test_answered_is_stored_once(shop: Shop, seed: int) -> None:
    draw = random.Random(seed)
    sink = MoodyHits(draw)
    limit = draw.choice((1, 3, 40, 1000))
    batching = Batching(
        size=min(limit, draw.choice((1, 7, 100))), seconds=draw.choice((0, 0.001)), limit=limit
    )

    async def visit(client: AsyncClient, number: int) -> str | None:
        for _ in range(draw.choice((0, 1, 3))):
            await asyncio.sleep(0)
        return await client.get_active_variant("green_button", shop.user(number))

    async def run() -> set[str]:
        async with shop.client(sink, batching=batching) as client:
            tasks = []
            for number in range(CHECKS):
                tasks.append(asyncio.create_task(visit(client, number)))
                if draw.random() < 0.2:
                    await asyncio.sleep(0)
                if draw.random() < 0.2:
                    draw.choice(tasks).cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert client.dropped_hits == 0
        return {f"u{number}" for number, answer in enumerate(answers) if answer == "control"}

    answered = asyncio.run(run())
    assert len(answered) > CHECKS / 2
    assert sorted(hit.user_id or "" for hit in sink.hits) == sorted(answered)
