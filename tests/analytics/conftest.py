"""What tests of hits share."""

from __future__ import annotations

import pytest

from analytics.known import known_triples


@pytest.fixture(autouse=True)
def _nothing_known_before() -> None:
    """Which tests exist is remembered by the process for a minute: longer than a test's own tests exist."""
    known_triples.clear()
