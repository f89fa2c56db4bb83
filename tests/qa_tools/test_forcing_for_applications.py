"""Tests of an application in another process force variants here, and its SDK has them when the call returns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from delivery.services import deliver
from experiments.lifecycle import Status
from experiments.models import ForcedUser, TestsOff
from tests.conftest import People
from tests.factories import make_experiment
from usersplit_sdk import Client, User
from usersplit_sdk.testing_remote import NotForced, RemoteVariants

USER = User("4711", 1)


@pytest.fixture
def token(transactional_db: None, people: People, manager: Actor) -> str:
    for key in ("green_button", "red_banner"):
        make_experiment(manager, Status.RUNNING, key=key)
    deliver()
    return create_token(Actor.person(people.qa), "autotests", [Scope.QA])[1]


@pytest.fixture
def shop(token: str, manager: Actor, live_server: Any) -> Iterator[Client]:
    """The application: it follows the server by itself."""
    _, deliver_token = create_token(manager, "shop", [Scope.DELIVER])
    with Client.from_url(live_server.url, deliver_token, cache_dir=False, poll_seconds=0.05) as client:
        yield client


def test_the_application_has_it_when_the_call_returns(shop: Client, token: str, live_server: Any) -> None:
    with RemoteVariants(live_server.url, token, wait=30, reason="pytest test_shop.py") as remote:
        remote.user("4711", green_button="green")
        assert shop.active_variants(USER) == {"green_button": "green"}
        assert shop.explain("red_banner", USER).reason == "TESTS_OFF"
        forced = ForcedUser.objects.get()
        assert (forced.user_id, forced.variant, forced.reason) == ("4711", "green", "pytest test_shop.py")
        assert forced.expires_at is not None

        remote.user("4711", red_banner="control")
        assert shop.active_variants(USER) == {"red_banner": "control"}
    assert not ForcedUser.objects.exists()
    assert not TestsOff.objects.exists()


def test_without_servers_it_says_so_and_leaves_nothing_behind(token: str, live_server: Any) -> None:
    remote = RemoteVariants(live_server.url, token, wait=0.1)
    with pytest.raises(NotForced, match="no app server that reads over HTTP"), remote:
        remote.user("4711", green_button="green")
    assert not ForcedUser.objects.exists()
    assert not TestsOff.objects.exists()


def test_a_typo_is_answered_with_what_there_is(token: str, live_server: Any) -> None:
    with RemoteVariants(live_server.url, token, wait=0) as remote:
        with pytest.raises(NotForced, match=r"answers 400.*variant"):
            remote.user("4711", green_button="gren")
        with pytest.raises(NotForced, match=r"answers 400.*test"):
            remote.user("4711", gren_button="green")


SUITE = """
import pytest

def test_passes(usersplit_remote):
    usersplit_remote.user("4711", green_button="green")

def test_fails(usersplit_remote):
    usersplit_remote.user("4711", green_button="green")
    raise LookupError
"""


def test_the_fixture_of_the_plugin_removes_it_after_a_failure_too(
    token: str, live_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "test_shop.py").write_text(SUITE)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:django",
            "--usersplit-wait=0",
            tmp_path,
        ],
        cwd=tmp_path,
        env={"USERSPLIT_URL": live_server.url, "USERSPLIT_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "LookupError" in done.stdout
    assert token not in done.stdout + done.stderr
    assert not ForcedUser.objects.exists()
    assert not TestsOff.objects.exists()
