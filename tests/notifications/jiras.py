"""Connections to stand-ins for both kinds of Jira."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from notifications.models import Connection, Provider
from notifications.secrets import encrypt
from tests.notifications.standin.jira import EMAIL, TOKEN, Jira
from tests.notifications.standin.server import Server, standing_in

BOTH = pytest.mark.parametrize("jira", [True, False], indirect=True, ids=["cloud", "data_center"])
"""For tests of the fixture `jira`: once with each kind."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A stand-in, the server that it is served by, and the connection to it."""

    standin: Jira
    server: Server
    connection: Connection


@contextlib.contextmanager
def connected_jira(*, is_cloud: bool) -> Iterator[Connected]:
    """A Jira with the issue PAY-17, connected. The settings have to allow 127.0.0.0/8."""
    standin = Jira(is_cloud=is_cloud)
    with standing_in(standin) as server:
        connection = Connection.objects.create(
            name="Jira",
            provider=Provider.JIRA_CLOUD if is_cloud else Provider.JIRA_DATA_CENTER,
            url=server.url,
            account=EMAIL if is_cloud else "",
            secret=encrypt(TOKEN),
        )
        yield Connected(standin, server, connection)
