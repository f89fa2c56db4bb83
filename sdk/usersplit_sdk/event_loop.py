"""What keeps an event loop free: checks stand in line, and what blocks is done in threads."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

AT_A_TURN = 25
"""After so many checks everything else on the loop gets its turn, about every millisecond: checks that never have
to wait would keep the loop from it, be they one after another in one task or each in one of thousands."""

Result = TypeVar("Result")


class Turns:
    """Counts the checks of one turn of the ``loop``. Who comes after ``AT_A_TURN`` others waits for ``next``."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.taken = 0
        self._in_line: deque[asyncio.Future[None]] = deque()

    async def next(self) -> None:
        """Wait in line: at each turn of the loop the first few go on. On another loop there is no line."""
        loop = asyncio.get_running_loop()
        if loop is not self.loop:
            self.taken = 0
            return
        if not self._in_line:
            loop.call_soon(self._turn, loop)
        place = loop.create_future()
        self._in_line.append(place)
        await place

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self.taken = min(AT_A_TURN, len(self._in_line))
        for _ in range(self.taken):
            place = self._in_line.popleft()
            if not place.done():
                place.set_result(None)
        if self._in_line:
            loop.call_soon(self._turn, loop)


async def in_thread(function: Callable[[], Result]) -> Result:
    """What the function returns, called in a thread of its own.

    Not in the loop's executor, which the application may have filled with work of its own, and for which the end of the
    loop waits: a server that does not answer would keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def call() -> None:
        try:
            settle = partial(done.set_result, function())
        except BaseException as problem:  # noqa: BLE001 - it is raised to who waits
            settle = partial(done.set_exception, problem)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(lambda: done.done() or settle())

    threading.Thread(target=call, name="usersplit-async", daemon=True).start()
    return await done
