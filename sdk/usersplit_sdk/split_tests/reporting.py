"""Telling what is wrong with the application's own code about a test, where nothing may be raised."""

from __future__ import annotations

import logging

from usersplit_sdk.errors import Problem
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.split_tests.running import SplitClient

logger = logging.getLogger("usersplit_sdk")

_WITHOUT_CLIENT = Reporter()


def tell(client: SplitClient | None, key: str, message: str) -> None:
    """Tell it once: by the client, to its ``on_error`` and the log; without one to the log."""
    if client is None:
        _WITHOUT_CLIENT.report(Problem(key, message))
    else:
        client.report(key, message)


def tell_failure(client: SplitClient | None, key: str, failure: Exception) -> None:
    """Tell an exception of ``is_eligible``: its type and its place, which are the same for every user.

    Its text often holds what differs from user to user, so that once would become once per user.
    """
    logger.debug("is_eligible of %s failed", key, exc_info=failure)
    tell(client, key, f"is_eligible raised {type(failure).__name__} at {_place(failure)}: not eligible")


def _place(failure: Exception) -> str:
    # The traceback module would read the source of every frame from the disk.
    step = failure.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return "?" if step is None else f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}"
