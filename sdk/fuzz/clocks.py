"""The machine's clocks, set by hand, wherever a module of the SDK has taken their functions in."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

_CLOCKS = ("time", "time_ns", "monotonic")


class Clock:
    """``time`` in seconds since 1970, ``monotonic`` in seconds since whenever."""

    def __init__(self, at: float) -> None:
        self.time = at
        self.monotonic = 1000.0

    def time_ns(self) -> int:
        """The time in nanoseconds; exact for whole seconds."""
        return int(self.time) * 10**9 + int(self.time % 1 * 10**9)


@contextmanager
def clock_at(at: float) -> Iterator[Clock]:
    """Modules that called ``from time import time`` and so on look at this clock."""
    clock = Clock(at)
    by_hand = {"time": lambda: clock.time, "time_ns": clock.time_ns, "monotonic": lambda: clock.monotonic}
    with ExitStack() as stack:
        for name, module in sorted(sys.modules.items()):
            for function in _CLOCKS if name.startswith("usersplit_sdk.") else ():
                if vars(module).get(function) is getattr(time, function):
                    stack.enter_context(patch.object(module, function, by_hand[function]))
        yield clock
