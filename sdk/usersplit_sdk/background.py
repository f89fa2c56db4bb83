"""A background thread that calls one method again and again, goes away with its owner and survives forks."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable


class Ticker:
    """Calls ``action`` (a bound method that does not raise) again and again, or when woken.

    ``interval`` is the seconds to wait before a call, or a bound method that is asked for them before each wait.
    It holds its owner weakly: a forgotten owner ends the thread at once. A forked child, which inherits no thread, gets a
    new one; ``after_fork`` (a bound method) is called in it first, to make new locks and drop what is the parent's.
    """

    def __init__(
        self,
        action: Callable[[], None],
        interval: float | Callable[[], float],
        after_fork: Callable[[], None],
        name: str,
    ) -> None:
        self._action = weakref.WeakMethod(action, _waker(weakref.ref(self)))
        self._after_fork = weakref.WeakMethod(after_fork)
        self._interval = weakref.WeakMethod(interval) if callable(interval) else _constant(interval)
        self._name = name
        self._stopped = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        call_after_fork(self.restart_in_child)
        self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=_run, args=(weakref.ref(self), self._wake), name=self._name, daemon=True
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

    def wait_seconds(self) -> float | None:
        """How long to wait before the next call; None if there will be none."""
        interval = self._interval()
        return None if self._stopped or interval is None else interval()

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


def call_after_fork(method: Callable[[], None]) -> None:
    """Call a bound method in every child that is forked from here on, for as long as its owner lives."""
    _in_children[:] = [held for held in _in_children if held() is not None]
    _in_children.append(weakref.WeakMethod(method))


def _waker(reference: weakref.ref[Ticker]) -> Callable[[object], None]:
    """For when the owner is gone: its thread is to find that out."""

    def wake(_: object) -> None:
        ticker = reference()
        if ticker is not None:
            ticker.wake()

    return wake


def _constant(seconds: float) -> Callable[[], Callable[[], float]]:
    return lambda: lambda: seconds


def _run(reference: weakref.ref[Ticker], wake: threading.Event) -> None:
    # While it waits, the thread must not be what keeps its ticker alive.
    while True:
        ticker = reference()
        seconds = None if ticker is None else ticker.wait_seconds()
        del ticker
        if seconds is None:
            return
        wake.wait(seconds)
        wake.clear()
        ticker = reference()
        if ticker is None or not ticker.tick():
            return
        del ticker


_in_children: list[weakref.WeakMethod[Callable[[], None]]] = []


def _call_in_child() -> None:
    for held in _in_children:
        method = held()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_call_in_child)
