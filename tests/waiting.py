"""Waiting for a condition, in the one place where a test may pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Ask until the answer is true; fail after `seconds`. The pause is for the processor, not for the result."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.02)
