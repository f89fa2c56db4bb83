"""A homeserver for the tests that speak with one: started once, by the first of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.notifications.synapse import Homeserver, running_synapse


@pytest.fixture(scope="session")
def _synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    with running_synapse(tmp_path_factory.mktemp("synapse")) as started:
        yield started


@pytest.fixture
def homeserver(_synapse: Homeserver, settings: Settings) -> Homeserver:
    """A real Synapse that this test may call, and others too: who is in it already is no business of the test's."""
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    return _synapse
