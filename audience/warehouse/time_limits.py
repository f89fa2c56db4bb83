"""How long a count may take, and the words for one that took longer; the same for every engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings

from audience.warehouse.base import WarehouseQueryFailed

_AGAIN_AFTER: Final = 0.05


class TimeLimit:
    """Starts when it is made. `seconds` default to WAREHOUSE_TIME_LIMIT."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds: float = settings.WAREHOUSE_TIME_LIMIT if seconds is None else seconds
        self.ends = time.monotonic() + self.seconds

    def left(self) -> float:
        """Seconds; 0 once it is over."""
        return max(0.0, self.ends - time.monotonic())

    def check(self) -> None:
        """For work done step by step: raise once it is over."""
        if not self.left():
            raise self.exceeded()

    def exceeded(self) -> WarehouseQueryFailed:
        return WarehouseQueryFailed(
            f"the count took longer than {self.seconds:g} seconds and was stopped (WAREHOUSE_TIME_LIMIT)"
        )

    @contextmanager
    def stopping(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """For one long call or several: `interrupt`, called from another thread, makes them end. An error after that is
        `exceeded`."""
        self.check()
        done, fired = threading.Event(), threading.Event()

        def watch() -> None:
            if done.wait(self.left()):
                return
            fired.set()
            interrupt()
            # Between two queries there is nothing to interrupt: the next one is then.
            while not done.wait(_AGAIN_AFTER):
                interrupt()

        watching = threading.Thread(target=watch, name="warehouse time limit", daemon=True)
        watching.start()
        try:
            yield
        except Exception as error:
            if fired.is_set():
                raise self.exceeded() from error
            raise
        finally:
            done.set()
            watching.join()
