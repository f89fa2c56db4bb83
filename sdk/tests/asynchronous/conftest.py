"""One test that everybody is in, sinks that a test holds up, and conditions that are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from usersplit_sdk import AsyncClient, AsyncRecordingHits, Hit, Problem, User, async_queue

DOCUMENT: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "green", "split_groups": [[1201, 2000]], "payload": {"color": "#0a0"}},
    ],
    "tokens": {"pay_button": {"green": {"en": "Get it"}}},
}


class HeldHits(AsyncRecordingHits):
    """Stores nothing until ``go`` is set, or says so: ``trouble`` is raised as long as there is any."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.calls = 0
        self.closed = False
        self.trouble: BaseException | None = None
        self.poison: frozenset[str] = frozenset()

    async def store(self, hits: Sequence[Hit]) -> None:
        assert not self.closed
        self.calls += 1
        await self.go.wait()
        if self.trouble is not None:
            raise self.trouble
        if self.poison & self.ids(hits):
            raise ValueError("a NUL")
        await super().store(hits)

    async def close(self) -> None:
        self.closed = True

    def ids(self, hits: Sequence[Hit] | None = None) -> set[str | None]:
        return {hit.user_id for hit in (self.hits if hits is None else hits)}


class Shop:
    """Clients of the one test, and their users."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def client(self, hits: Any = None, **options: Any) -> AsyncClient:
        return AsyncClient.from_documents([DOCUMENT], hits=hits, on_error=self._tell, **options)

    @staticmethod
    def user(number: int, split_group: int = 1) -> User:
        return User(f"u{number}", split_group)

    def _tell(self, problem: Problem) -> None:
        self.told.append(str(problem))

    async def check(self, client: AsyncClient, numbers: Iterable[int]) -> list[str | None]:
        """All of them concurrently."""
        checks = (client.get_active_variant("green_button", self.user(number)) for number in numbers)
        return await asyncio.gather(*checks)

    @staticmethod
    async def eventually(condition: Callable[[], bool]) -> None:
        """Let the loop go on until the condition holds; the limit is for a machine that is very busy."""
        limit = asyncio.get_running_loop().time() + 20
        while not condition():
            assert asyncio.get_running_loop().time() < limit, "it never came to that"
            await asyncio.sleep(0.001)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def held() -> HeldHits:
    return HeldHits()


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_queue, "BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(async_queue, "BACKOFF_LIMIT", 0.001)
