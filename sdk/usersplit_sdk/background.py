"""A background thread that calls one method again and again, goes away with its owner and survives forks."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable


class Ticker:
    """Calls ``action`` (a bound method that does not raise) every ``interval`` seconds, or when woken.

    It holds its owner weakly: a forgotten owner ends the thread. A forked child, which inherits no thread, gets a
    new one; ``after_fork`` (a bound method) is called in it first, to make new locks and drop what is the parent's.
    """

    def __init__(
        self, action: Callable[[], None], interval: float, after_fork: Callable[[], None], name: str
    ) -> None:
        self._action = weakref.WeakMethod(action)
        self._after_fork = weakref.WeakMethod(after_fork)
        self._interval = interval
        self._name = name
        self._stopped = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        _tickers.add(self)
        self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=_run, args=(weakref.ref(self), self._wake, self._interval), name=self._name, daemon=True
        )
        self._thread.start()

    def wake(self) -> None:
        """Call the action soon, without waiting for the interval to end."""
        self._wake.set()

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread and wait for an action that is under way; calling it again does nothing."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def tick(self) -> bool:
        """Call the action once; answers whether to go on."""
        action = self._action()
        if self._stopped or action is None:
            return False
        action()
        return not self._stopped

    def restart_in_child(self) -> None:
        """Give a forked child a thread of its own; the parent's event may have been copied in any state."""
        after_fork = self._after_fork()
        if after_fork is None or self._stopped:
            return
        self._wake = threading.Event()
        after_fork()
        try:
            self._start()
        except RuntimeError:  # no threads to be had in this child: its owner goes on with what it has
            self._thread = None


def _run(reference: weakref.ref[Ticker], wake: threading.Event, interval: float) -> None:
    while True:
        wake.wait(interval)
        wake.clear()
        ticker = reference()
        if ticker is None or not ticker.tick():
            return
        del ticker  # while waiting, the thread must not be what keeps it alive


_tickers: weakref.WeakSet[Ticker] = weakref.WeakSet()


def _restart_tickers() -> None:
    for ticker in list(_tickers):
        ticker.restart_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_tickers)
