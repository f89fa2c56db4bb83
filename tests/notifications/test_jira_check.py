"""The Test button of a connection to Jira: what it tries, and that it says exactly what failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from notifications.channels.base import CheckReport
from notifications.channels.registry import channel_of
from notifications.models import Connection, Provider
from notifications.secrets import encrypt
from tests.notifications.jiras import BOTH, Connected, connected_jira
from tests.notifications.standin.jira import TOKEN
from tests.notifications.standin.server import Behaviour


@pytest.fixture
def jira(request: pytest.FixtureRequest, settings: Settings, db: None) -> Iterator[Connected]:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    with connected_jira(is_cloud=getattr(request, "param", True)) as jira:
        yield jira


def report(**changes: object) -> CheckReport:
    """What the button finds after the connection was changed like that."""
    Connection.objects.update(**changes)
    return channel_of(Connection.objects.get()).check()


def last_words(**changes: object) -> tuple[str, bool, str]:
    return report(**changes).steps[-1]


@BOTH
def test_a_good_connection_is_told_step_by_step(jira: Connected) -> None:
    found = report()
    assert found.is_ok
    assert [name for name, _, _ in found.steps] == [
        "Reach Jira",
        "Sign in",
        "Read issues",
        "Write comments",
        "Link issues back to tests",
        "Make tasks",
    ]
    assert found.steps[1][2] == "As User Split."
    assert jira.standin.comments() == []


@BOTH
def test_what_is_wrong_is_said_where_it_is_wrong(jira: Connected) -> None:
    cloud = jira.standin.is_cloud
    jira.standin.lacking = {"LINK_ISSUES"}
    assert [step for step in report().steps if not step[1]] == [
        ("Link issues back to tests", False, "The account lacks the permission LINK_ISSUES in any project.")
    ]
    assert last_words(options={"project": "SHOP"}) == (
        "Ask for permissions",
        False,
        "There is no project SHOP that this account may see.",
    )
    name, is_ok, words = last_words(secret=encrypt("another-secret-of-ours"))
    assert (name, is_ok) == ("Sign in", False)
    assert ("API token" if cloud else "personal access token") in words
    assert "another-secret-of-ours" not in words
    jira.standin.deployment = "Server" if cloud else "Cloud"
    name, is_ok, words = last_words()
    assert (name, is_ok) == ("Reach Jira", False)
    assert words.endswith("choose that as provider.")


def test_an_address_without_a_jira_and_a_server_that_is_no_jira(jira: Connected, settings: Settings) -> None:
    jira.server.behaves(Behaviour.RUBBISH, times=1)
    assert last_words() == ("Reach Jira", False, "Answered 200 with something that is not JSON.")
    name, is_ok, words = last_words(provider=Provider.JIRA_CLOUD, url="http://127.0.0.1:1")
    assert (name, is_ok, words) == ("Reach Jira", False, "Nothing listens at this address.")
    settings.NOTIFICATIONS_ALLOW_PRIVATE = []
    assert "not a public address" in last_words()[2]
    assert TOKEN not in str(report())
