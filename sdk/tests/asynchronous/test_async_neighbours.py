"""What does not await uses the client inside: variants as code, and a split bound to a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from usersplit_sdk import AsyncRecordingHits, SplitTest, User, variant
from usersplit_sdk.bound import Split

if TYPE_CHECKING:
    from tests.asynchronous.conftest import Shop


class GreenButton(SplitTest):
    key = "green_button"

    @variant
    def control(self) -> str:
        return "grey"

    @variant
    async def green(self) -> str:
        await asyncio.sleep(0)
        return "green"


def test_variants_as_code_log_to_the_asynchronous_sink(shop: Shop) -> None:
    sink = AsyncRecordingHits()

    async def press(user: User) -> str | None:
        async with GreenButton(client.client, user) as run:
            answer: str | None = await run()
            return answer

    client = shop.client(sink)

    async def run() -> list[str | None]:
        async with client:
            return await asyncio.gather(*(press(User(str(group), group)) for group in (1, 1500, 2400)))

    assert asyncio.run(run()) == ["grey", "green", None]
    assert sorted((hit.user_id, hit.variant) for hit in sink.hits) == [("1", "control"), ("1500", "green")]


def test_a_bound_split_logs_to_the_asynchronous_sink(shop: Shop) -> None:
    sink = AsyncRecordingHits()

    async def run() -> None:
        async with shop.client(sink) as client:
            assert Split(client.client, User("1", 1500)).text("pay_button", "Buy", language="en") == "Get it"

    asyncio.run(run())
    assert [hit.user_id for hit in sink.hits] == ["1"]
