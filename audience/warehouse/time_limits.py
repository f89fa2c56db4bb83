"""How long a count may take, and the words for one that took longer; the same for every engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from audience.warehouse.base import WarehouseQueryFailed


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
        """For one long call: `interrupt`, called from another thread, makes it end. Any error after that is `exceeded`."""
        self.check()
        fired = threading.Event()

        def stop() -> None:
            fired.set()
            interrupt()

        timer = threading.Timer(self.left(), stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if fired.is_set():
                raise self.exceeded() from error
            raise
        finally:
            timer.cancel()
