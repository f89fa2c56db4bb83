"""Telling the application what is wrong: each problem once, to the log and to a callback."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from usersplit_sdk.errors import Problem

OnError = Callable[[Problem], None]

TOLD_LIMIT = 1000
"""Problems that are told at a time. A hostile manifest can have 100,000, which would be a flood of log lines."""


def describe(failure: BaseException) -> str:
    """The kind of an exception and what it says, if it can be made to say something."""
    try:
        return f"{type(failure).__name__}: {failure}"
    except Exception:  # noqa: BLE001 - it is a class of the application's
        return type(failure).__name__


class Reporter:
    """Logs problems to ``usersplit_sdk`` and hands them to ``on_error``; what was told is not told again."""

    def __init__(self, on_error: OnError | None = None) -> None:
        self._on_error = on_error
        self._told: set[Problem] = set()

    def report(self, problem: Problem) -> None:
        """Tell a problem, unless it was told already."""
        if problem in self._told or len(self._told) >= TOLD_LIMIT:
            return
        self._told.add(problem)
        from logging import getLogger  # noqa: PLC0415 - few applications have a problem, all wait for imports

        logger = getLogger("usersplit_sdk")
        text = str(problem)
        # Words of a file or a server may be in it, which must not make up lines of the log.
        logger.warning("%s", text if text.isprintable() else ascii(text))
        if self._on_error is not None:
            try:
                self._on_error(problem)
            except Exception:  # a callback must not stop a refresh or a check
                logger.exception("the on_error callback failed")

    def report_message(self, where: str, message: str) -> None:
        """Tell what is wrong in a place."""
        self.report(Problem(where, message))

    def report_failure(self, where: object, failure: BaseException) -> None:
        """Tell an exception that was kept away from the application."""
        self.report(Problem(str(where)[:100], describe(failure)))

    def forget(self, where: Iterable[str]) -> None:
        """These places are sound again: what breaks there from now on is news."""
        places = set(where)
        if places:
            # A copy in one step: a check in another thread may have something to tell meanwhile.
            told = self._told.copy()
            self._told = {problem for problem in told if problem.where not in places}
