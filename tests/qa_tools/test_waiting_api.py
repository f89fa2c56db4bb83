"""`?wait=`: an autotest hears when app servers run what it has set."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore, Event
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import ApiToken, Scope
from accounts.services import create_token
from delivery.app_servers import Report, record_report
from delivery.selectors import newest_edition
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.models import ForcedUser, TestsOff
from qa_tools import waiting
from tests.conftest import People
from tests.factories import make_experiment
from tests.qa_tools.api import Api, api_for, fields_of

USER = {"test": "running", "variant": "green", "user_id": "4711"}


@pytest.fixture
def api(people: People, manager: Actor) -> Api:
    make_experiment(manager, Status.RUNNING, key="running")
    return api_for(people.qa, "qa")


@pytest.fixture
def reports(manager: Actor) -> Callable[..., None]:
    """An app server says what it runs."""
    tokens: dict[str, ApiToken] = {}

    def report(name: str, version: int, environment: str = "production") -> None:
        if environment not in tokens:
            tokens[environment] = create_token(manager, "app server", [Scope.DELIVER], environment)[0]
        record_report(tokens[environment], Report(f"{name}:1:0123abcd", version, "1.0"))

    return report


def newest() -> int:
    edition = newest_edition()
    return edition.version if edition else 0


def test_without_wait_the_answer_says_nothing_of_the_delivery(api: Api) -> None:
    assert "delivery" not in api.post("qa/forced/", USER)[1]
    assert api.delete("qa/forced/?user_id=4711") == (204, None)


def test_without_servers_nobody_knows_and_nobody_waits(api: Api) -> None:
    status, forced = api.post("qa/forced/?wait=30", USER)
    assert status == 201
    assert forced["delivery"] == {
        "version": newest(),
        "delivered": False,
        "servers": 0,
        "waiting_for": [],
    }


def test_servers_of_the_environment_are_waited_for_and_named(api: Api, reports: Any) -> None:
    ahead = publish().manifest.version + 5
    reports("ahead", ahead)
    reports("behind", 0)
    reports("other", 0, "devel")
    _, forced = api.post("qa/forced/?wait=0.2", USER)
    expected = {"delivered": False, "servers": 2, "waiting_for": ["behind:1:0123abcd"]}
    assert forced["delivery"] == {"version": newest(), **expected}
    reports("behind", ahead)
    status, gone = api.delete("qa/forced/?user_id=4711&environment=production&wait=5")
    assert (status, gone["delivery"]["delivered"], gone["delivery"]["version"]) == (200, True, newest())
    # All tests are off in every environment.
    _, off = api.post("qa/tests-off/?wait=0", {"user_id": "4711"})
    assert (off["delivery"]["servers"], off["delivery"]["waiting_for"]) == (3, ["other:1:0123abcd"])


def test_the_version_that_is_waited_for_holds_the_change(api: Api, reports: Any) -> None:
    before = publish().manifest.version
    versions = []
    for method, path, body in (
        ("POST", "qa/forced/?wait=0", USER),
        ("POST", "qa/forced/?wait=0", USER),
        ("POST", "qa/tests-off/?wait=0", {"user_id": "4711"}),
        ("DELETE", "qa/forced/?wait=0&user_id=4711", None),
        ("DELETE", "qa/tests-off/?wait=0&user_id=4711", None),
    ):
        versions.append(api.call(method, path, body)[1]["delivery"]["version"] - before)
    # Setting it again changes nothing, so the same version holds it.
    assert versions == [1, 1, 2, 3, 4]


def test_single_rows_are_let_go_with_a_wait_too(api: Api, reports: Any) -> None:
    reports("behind", 0)
    _, forced = api.post("qa/forced/", USER)
    _, off = api.post("qa/tests-off/", {"user_id": "4711"})
    for address in (f"qa/forced/{forced['id']}/?wait=0", f"qa/tests-off/{off['id']}/?wait=0"):
        status, body = api.delete(address)
        assert (status, body["delivery"]["waiting_for"]) == (200, ["behind:1:0123abcd"])
    assert not ForcedUser.objects.exists()
    assert not TestsOff.objects.exists()


@pytest.mark.parametrize(
    "wait", ["", "-1", "30.1", "31", "nan", "inf", "1e1", "five", "%00", "٣", "5&wait=x"]
)
def test_a_wait_that_cannot_be_is_refused_before_anything_is_changed(api: Api, wait: str) -> None:
    _, forced = api.post("qa/forced/", USER | {"user_id": "1"})
    _, off = api.post("qa/tests-off/", {"user_id": "1"})
    for method, path, body in (
        ("POST", "qa/forced/?", USER),
        ("DELETE", "qa/forced/?user_id=1&", None),
        ("DELETE", f"qa/forced/{forced['id']}/?", None),
        ("POST", "qa/tests-off/?", {"user_id": "2"}),
        ("DELETE", "qa/tests-off/?user_id=1&", None),
        ("DELETE", f"qa/tests-off/{off['id']}/?", None),
    ):
        status, problem = api.call(method, f"{path}wait={wait}", body)
        assert (status, fields_of(problem)) == (400, {"wait"})
    assert (ForcedUser.objects.count(), TestsOff.objects.count()) == (1, 1)


def test_beyond_a_few_calls_nobody_waits(api: Api, reports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reports("behind", 0)
    monkeypatch.setattr(waiting, "_room", BoundedSemaphore(1))
    slept = Event()

    def sleep(seconds: float) -> None:
        slept.set()
        reports("behind", 1_000)

    monkeypatch.setattr("qa_tools.waiting.time.sleep", sleep)
    assert waiting._room.acquire(blocking=False)  # somebody waits already
    _, forced = api.post("qa/forced/?wait=30", USER)
    assert not forced["delivery"]["delivered"]
    assert not slept.is_set()
    waiting._room.release()
    assert api.post("qa/forced/?wait=30", USER)[1]["delivery"]["delivered"]
    assert slept.is_set()
    assert waiting._room.acquire(blocking=False), "who has waited makes room"


def test_a_server_that_falls_silent_ends_the_wait(
    api: Api, reports: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports("dying", 0)
    answers = iter([1, 1, 0])
    state = waiting._state

    def dies(version: int, environment: str | None) -> waiting.DeliveryState:
        return state(version, environment if next(answers) else "nowhere")

    monkeypatch.setattr(waiting, "_state", dies)
    _, forced = api.post("qa/forced/?wait=30", USER)
    assert forced["delivery"]["servers"] == 0
