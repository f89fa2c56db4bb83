"""Keeps children alive: whoever ends is started again, later each time it ends too soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from usersplit.embedded.processes import Child, StartFailed, say

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STABLE_AFTER = 30.0  # seconds of life after which earlier failures are forgiven
GIVE_UP_AFTER = 4  # failures in a row while the product has not been up yet


@dataclass
class Watch:
    """What the supervisor remembers of one child."""

    child: Child
    started_at: float = 0.0
    failures: int = 0
    start_at: float | None = None


class Supervisor:
    """Watches children in the order in which they were added; stops them in the opposite one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._watched: list[Watch] = []
        self._clock = clock
        self.was_up = False

    def add(self, children: Sequence[Child]) -> None:
        """Watch children that somebody else has started."""
        self._watched += [Watch(child, started_at=self._clock()) for child in children]

    def check(self) -> None:
        """Look at every child once; raises StartFailed when one cannot be brought up at all."""
        for watch in self._watched:
            if watch.start_at is not None:
                if self._clock() >= watch.start_at:
                    self._start(watch)
            elif not watch.child.is_running():
                self._note_end(watch)

    def _note_end(self, watch: Watch) -> None:
        now = self._clock()
        if now - watch.started_at >= STABLE_AFTER:
            watch.failures = 0
        watch.failures += 1
        watch.child.sweep()
        code = watch.child.process.returncode if watch.child.process is not None else None
        if watch.failures >= GIVE_UP_AFTER and not self.was_up:
            raise StartFailed(f"{watch.child.name} ended {watch.failures} times in a row.")
        pause = pause_after(watch.failures)
        watch.start_at = now + pause
        say(f"{watch.child.name} ended with {code}; starting it again in {pause:g} s")

    def _start(self, watch: Watch) -> None:
        watch.start_at, watch.started_at = None, self._clock()
        try:
            watch.child.start()
        except (OSError, RuntimeError) as error:
            say(f"{watch.child.name} could not be started: {error}")

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Stop all, the last added first."""
        for watch in reversed(self._watched):
            watch.child.stop(hurry=hurry)


def pause_after(failures: int) -> float:
    """Seconds to wait before the next start: doubling, bounded."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1))
