"""Tests' issues in Jira: looked at, linked back, and the task to cut a finished test out of the code."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from accounts.actors import Actor
from core import clock
from delivery.models import CodePlace, CodeRepository
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb, edit_properties
from notifications.channels.base import SendFailed
from notifications.channels.jira_api import JiraApi, NewTask
from notifications.issues import look_at_issues
from notifications.models import Connection, JiraIssue
from tests.conftest import People
from tests.factories import make_draft, make_experiment
from tests.notifications.jiras import BOTH, Connected, connected_jira
from tests.notifications.standin.jira import Issue
from tests.notifications.standin.server import Behaviour

pytestmark = pytest.mark.usefixtures("warehouse")
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
NAMED: dict[str, object] = {"name": "Green button", "jira_issue": "PAY-17"}
WON = {"result": "winner", "variant": "green", "scope": "everywhere", "conclusion": "More buy."}


@pytest.fixture
def jira(request: pytest.FixtureRequest, settings: Settings, db: None) -> Iterator[Connected]:
    """A connected stand-in at NOW; Jira Cloud unless the test is for BOTH."""
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    settings.PUBLIC_URL = "https://split.example.org"
    with clock.frozen_at(NOW), connected_jira(is_cloud=getattr(request, "param", True)) as jira:
        yield jira


def running(people: People, **more: object) -> Experiment:
    properties = {**NAMED, **more}
    return make_experiment(
        Actor.person(people.manager), Status.RUNNING, key="green_button", properties=properties
    )


def finished(people: People, **more: object) -> Experiment:
    experiment = running(people, **more)
    apply_verb(Actor.person(people.manager), experiment, Verb.FINISH, WON)
    return experiment


def look(minutes: float = 0) -> int:
    """What the task does, so much later."""
    with clock.frozen_at(NOW + dt.timedelta(minutes=minutes)):
        return look_at_issues()


def row_of(role: JiraIssue.Role = JiraIssue.Role.TEST) -> JiraIssue:
    return JiraIssue.objects.get(role=role)


@BOTH
def test_an_issue_is_known_by_title_and_status_and_links_back_once(people: People, jira: Connected) -> None:
    running(people)
    assert look() == 1
    row = row_of()
    assert (row.key, row.title, row.status, row.is_done, row.error) == (
        *("PAY-17", "Green button", "To Do", False, ""),
    )
    assert row.url == f"{jira.server.url}/browse/PAY-17"
    ((global_id, link),) = jira.standin.issues["PAY-17"].links.items()
    assert global_id == "system=https://split.example.org&test=green_button"
    assert link["object"]["url"] == "https://split.example.org/tests/green_button/"
    assert link["object"]["status"] == {"resolved": False}
    jira.standin.issues["PAY-17"].status = "In Progress"
    assert [look(10), look(16)] == [0, 1], "not asked at every look"
    assert row_of().status == "In Progress"
    assert len(jira.server.requests("remotelink")) == 1


def test_a_draft_s_issue_does_not_tell_of_it(people: People, jira: Connected) -> None:
    make_draft(Actor.person(people.manager), name="Green button", jira_issue="PAY-17")
    look()
    assert row_of().title == "Green button"
    assert jira.standin.issues["PAY-17"].links == {}


def test_another_issue_is_linked_and_the_former_one_is_not_any_more(people: People, jira: Connected) -> None:
    experiment, manager = running(people), Actor.person(people.manager)
    jira.standin.issues["PAY-18"] = Issue("PAY-18", "Greener button", "Done")
    look()
    edit_properties(manager, experiment, {"jira_issue": "PAY-18"}, experiment.revision)
    look(1)
    row = row_of()
    assert (row.key, row.title, row.is_done) == ("PAY-18", "Greener button", True)
    assert [len(jira.standin.issues[key].links) for key in ("PAY-17", "PAY-18")] == [0, 1]
    experiment.refresh_from_db()
    edit_properties(manager, experiment, {"jira_issue": ""}, experiment.revision)
    look(2)
    assert not JiraIssue.objects.exists()
    assert jira.standin.issues["PAY-18"].links == {}


def test_an_issue_that_is_not_there_is_said_and_looked_for_again(people: People, jira: Connected) -> None:
    running(people, jira_issue="PAY-99")
    look()
    assert row_of().error == "Jira has no issue PAY-99 that our account may see."
    jira.standin.issues["PAY-99"] = Issue("PAY-99", "Made later")
    look(16)
    assert (row_of().error, row_of().title) == ("", "Made later")


@BOTH
def test_a_finished_test_asks_for_its_task_with_the_winner(people: People, jira: Connected) -> None:
    finished(people)
    assert look() == 2
    (task,) = jira.standin.tasks()
    assert (task.summary, task.kind, task.parent) == ("Cut green_button out of the code", "10002", "")
    text = jira.standin.text(task.description)
    for said in ("green", "won, for everyone", "PAY-17", "https://split.example.org/tests/green_button/"):
        assert said in text
    row = row_of(JiraIssue.Role.CUT)
    assert (row.key, row.title, row.status, row.is_done) == (task.key, task.summary, "To Do", False)
    ((_, link),) = jira.standin.issues["PAY-17"].links.items()
    assert link["object"]["status"] == {"resolved": True}
    task.status = "Done"
    assert look(16) == 1
    assert row_of(JiraIssue.Role.CUT).is_done
    assert [look(32), look(24 * 60 + 17)] == [0, 2], "what is done is looked at once a day"
    assert len(jira.standin.tasks()) == 1


def test_the_task_names_the_places_that_scans_found(people: People, jira: Connected) -> None:
    shop = CodeRepository.objects.create(
        name="shop/web", commit="abc", link="https://code.example.org/{commit}/{path}#{line}"
    )
    for line in range(1, 104):
        CodePlace.objects.create(repository=shop, key="green_button", path="pay/view.py", line=line)
    finished(people)
    look()
    (task,) = jira.standin.tasks()
    text = jira.standin.text(task.description)
    assert text.count("shop/web pay/view.py:") == 100
    assert "https://code.example.org/abc/pay/view.py#7" in text
    assert "and 3 more places" in text


def test_a_sub_task_is_made_where_the_connection_says_so(people: People, jira: Connected) -> None:
    Connection.objects.update(options={"task_type": "sub-task"})
    finished(people)
    look()
    (task,) = jira.standin.tasks()
    assert (task.kind, task.parent) == ("10003", "PAY-17")


def test_a_kind_of_task_that_is_not_there_is_said_with_those_that_are(
    people: People, jira: Connected
) -> None:
    Connection.objects.update(options={"task_type": "Chore"})
    finished(people)
    look()
    assert row_of(JiraIssue.Role.CUT).error == (
        "The task could not be made. This account may not make a “Chore” in project PAY; it may make: Epic, Sub-task, Task."
    )
    Connection.objects.update(options={})
    look(16)
    assert len(jira.standin.tasks()) == 1


def test_tests_without_an_issue_get_a_task_in_the_connection_s_project(
    people: People, jira: Connected
) -> None:
    finished(people, jira_issue="")
    assert look() == 0, "nobody said where"
    Connection.objects.update(options={"project": "PAY"})
    assert look(1) == 1
    assert [task.key for task in jira.standin.tasks()] == [row_of(JiraIssue.Role.CUT).key]


def test_what_finished_before_there_was_a_jira_gets_no_task(people: People, jira: Connected) -> None:
    finished(people)
    Connection.objects.update(created_at=NOW + dt.timedelta(minutes=1))
    look(2)
    assert jira.standin.tasks() == []


@BOTH
@pytest.mark.parametrize("end", [SystemExit(), SendFailed("The connection broke.")], ids=["killed", "cut"])
def test_a_task_that_nobody_wrote_down_is_found_again_not_made_twice(
    people: People, jira: Connected, monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    def create_and_end(self: JiraApi, task: NewTask) -> str:
        create(self, task)
        raise end

    create = JiraApi.create_task
    finished(people)
    with monkeypatch.context() as patched:
        patched.setattr(JiraApi, "create_task", create_and_end)
        with contextlib.suppress(SystemExit):
            look()
    (task,) = jira.standin.tasks()
    assert row_of(JiraIssue.Role.CUT).key == ""
    assert look(2) == 0, "Jira's search knows new issues a little later"
    look(16)
    assert row_of(JiraIssue.Role.CUT).key == task.key
    assert jira.standin.tasks() == [task]


def test_who_may_not_link_still_reads_and_the_connection_does_not_rest(
    people: People, jira: Connected
) -> None:
    running(people)
    jira.server.behaves(Behaviour.FORBIDDEN, on="remotelink")
    assert [look(0), look(16), look(32), look(48)] == [1, 1, 1, 1]
    row = row_of()
    assert (row.title, row.linked_at) == ("Green button", None)
    assert row.error.startswith("The link back could not be made. Answered 403")
    assert Connection.objects.get().failures == 0


def test_a_jira_that_is_down_is_left_alone(people: People, jira: Connected) -> None:
    for number in range(5):
        make_draft(Actor.person(people.manager), key=f"test_{number}", jira_issue="PAY-17")
    jira.server.behaves(Behaviour.BROKEN)
    assert [look(), look(1), look(2), look(2.1)] == [1, 1, 1, 0], (
        "one question a look, none after three failures"
    )
    assert JiraIssue.objects.filter(error__startswith="Answered 500").count() == 3
    jira.server.behaves(Behaviour.GOOD)
    assert look(3) == 2
    assert look(17) == 3
    assert not JiraIssue.objects.exclude(error="").exists()


def test_what_nobody_thought_of_at_one_issue_holds_up_no_other(
    people: People, jira: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        make_draft(Actor.person(people.manager), key=f"test_{number}", jira_issue="PAY-17")
    asked: list[str] = []
    known = JiraApi.issue

    def break_once(self: JiraApi, key: str) -> object:
        asked.append(key)
        return known(self, key) if len(asked) > 1 else 1 // 0

    monkeypatch.setattr(JiraApi, "issue", break_once)
    assert look() == 2
    rows = JiraIssue.objects.order_by("pk").values_list("error", "title")
    assert list(rows) == [
        ("ZeroDivisionError in our own code; the log says more.", ""),
        ("", "Green button"),
    ]


def test_without_a_jira_nothing_is_asked(people: People, jira: Connected) -> None:
    running(people)
    Connection.objects.update(is_active=False)
    assert look() == 0
    assert jira.server.received == []
