"""10,000 checks at once on one event loop, their hits stored by an asynchronous sink: how long is the loop kept busy?"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import TypeVarTuple

from bench.measuring import Figure, figures
from bench.workload import one_plan, visitor
from usersplit_sdk import AsyncClient, Environment, Hit, User

CHECKS = 10_000
AT_A_TURN = 100
ROUNDS = 7

Ts = TypeVarTuple("Ts")
Check = Callable[[User, Environment], Awaitable[object]]


class WatchedLoop(asyncio.SelectorEventLoop):
    """Keeps the longest CPU time of one callback: nothing else on the loop can run meanwhile."""

    longest = 0.0

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._watched, callback, *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon_threadsafe(self._watched, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self._watched, callback, *args, context=context)

    def _watched(self, callback: Callable[..., object], *args: object) -> None:
        started = time.thread_time()
        callback(*args)
        self.longest = max(self.longest, time.thread_time() - started)


class Sink:
    """Stores hits as a database would: it has to wait for each batch."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []

    async def store(self, hits: Sequence[Hit]) -> None:
        """Give the loop a turn, then keep them."""
        await asyncio.sleep(0)
        self.hits += hits

    async def close(self) -> None:
        """Nothing to do."""


def run(checks: int = CHECKS, rounds: int = ROUNDS) -> str:
    """The table and the figures, as text."""
    pairs = [_pair(number) for number in range(checks)]
    measured: dict[str, list[list[float]]] = {"without": [], "with": []}
    for counted in range(-1, rounds):
        for name, way in (("without", _idle), ("with", _deciding)):
            loop, crowd = WatchedLoop(), Crowd(pairs)
            try:
                row = loop.run_until_complete(way(crowd, loop))
            finally:
                loop.close()
                gc.unfreeze()
            if counted >= 0:
                measured[name].append(row)
    title = f"{checks:,} tasks wait on one loop, {AT_A_TURN} of them go on at each turn (CPU; worst of {rounds} rounds)"
    lines = [
        title,
        f"  {'':<50} {'one callback':>13} {'one turn':>13} {'a task (median)':>17}",
        _line("tasks that do nothing", measured["without"]),
        _line("tasks with a check, its hit stored", measured["with"]),
    ]
    asked = [Figure("the loop kept by one callback, at most", _worst(measured["with"])[0] * 1e3, 5, "ms")]
    return "\n".join(lines) + "\n\nAsked, of event loops\n" + figures(asked)


async def _deciding(crowd: Crowd, loop: WatchedLoop) -> list[float]:
    sink, key = Sink(), one_plan().key
    async with AsyncClient.from_documents([one_plan().document()], hits=sink) as client:
        row = await crowd.go(loop, lambda user, request: client.get_active_variant(key, user, request))
    crowd.must_be_well()
    if len(sink.hits) != len(crowd.pairs) or client.dropped_hits:
        raise SystemExit(f"{len(sink.hits)} of {len(crowd.pairs)} hits were stored")
    return [max(row[0], loop.longest), *row[1:]]


async def _idle(crowd: Crowd, loop: WatchedLoop) -> list[float]:
    async def nothing(user: User, request: Environment) -> None:
        """What the other tasks do besides deciding."""

    return await crowd.go(loop, nothing)


class Crowd:
    """Tasks that all wait, a user each, until they are let go in groups. They are kept until their loop is closed:
    to clear away ten thousand at once would be counted as well."""

    def __init__(self, pairs: Sequence[tuple[User, Environment]]) -> None:
        self.pairs = pairs
        self.left = len(pairs)
        self.gates = [asyncio.Event() for _ in range(0, len(pairs), AT_A_TURN)]
        self.all_gone = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def go(self, loop: WatchedLoop, check: Check) -> list[float]:
        """CPU seconds: of the longest callback and the longest turn of the loop, and of a task on average."""
        for number, (user, request) in enumerate(self.pairs):
            self.tasks.append(
                loop.create_task(self._task(self.gates[number // AT_A_TURN], check, user, request))
            )
            if number % AT_A_TURN == 0:
                await asyncio.sleep(0)
        # So far only the benchmark's own work was done; what it made is not searched for garbage again.
        gc.collect()
        gc.freeze()
        await asyncio.sleep(0)
        loop.longest, turn, started = 0.0, 0.0, time.thread_time()
        for gate in self.gates:
            before = time.thread_time()
            gate.set()
            # One turn for the tasks to wake up in, and one to decide in.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            turn = max(turn, time.thread_time() - before)
        await self.all_gone.wait()
        return [loop.longest, turn, (time.thread_time() - started) / len(self.pairs)]

    async def _task(self, gate: asyncio.Event, check: Check, user: User, request: Environment) -> None:
        await gate.wait()
        try:
            await check(user, request)
        finally:
            self.left -= 1
            if not self.left:
                self.all_gone.set()

    def must_be_well(self) -> None:
        """Raise what a check raised."""
        for task in self.tasks:
            task.result()


def _worst(rows: Sequence[Sequence[float]]) -> tuple[float, float]:
    return max(row[0] for row in rows), max(row[1] for row in rows)


def _line(name: str, rows: Sequence[Sequence[float]]) -> str:
    callback, turn = _worst(rows)
    each = statistics.median(row[2] for row in rows)
    return f"  {name:<50} {callback * 1e3:>10.2f} ms {turn * 1e3:>10.2f} ms {each * 1e6:>14.2f} µs"


def _pair(number: int) -> tuple[User, Environment]:
    person = visitor(f"user-{number}", number % 1920 + 1, 50, "web", is_test_user=False)
    return User(person.id, person.split_group, person.profile), Environment(attributes=person.request)
