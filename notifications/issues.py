"""Tests' issues in Jira: what Jira says of them, links from them to us, tasks to cut tests out of the code.

Everything may run twice or be killed anywhere: what is asked of Jira is the same again, or is looked for first.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator
from typing import Final

from django.conf import settings
from django.db.models import F, Q
from django.urls import reverse

from accounts.actors import Actor
from core import clock
from core.errors import NotAllowed
from experiments.lifecycle import ACTING, UNFINISHED, Standing, Status
from experiments.models import Experiment
from experiments.selectors import standing_of
from notifications.breaker import note_failure, note_rest, note_success
from notifications.channels.base import SendFailed
from notifications.channels.jira_api import MAX_SUMMARY, JiraApi, Link, let_in
from notifications.channels.registry import account_of
from notifications.cut_tasks import make_task, want_tasks
from notifications.models import Connection, JiraIssue, Provider
from notifications.planning import jira_connection

logger = logging.getLogger(__name__)

LIVELY: Final = dt.timedelta(minutes=15)
"""How often an issue of a test that is not finished, and a task that is not done, is looked at; others once a DAY."""
DAY: Final = dt.timedelta(days=1)
MAX_ERROR: Final = 1_000
MAX_URL: Final = 500
_UNKNOWN: Final[dict[str, object]] = {"title": "", "status": "", "is_done": False, "url": "", "error": ""}
_LONG_AGO: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_TEST, _CUT = JiraIssue.Role.TEST, JiraIssue.Role.CUT


def look_at_issues(seconds: float = 30.0) -> int:
    """Bring rows, links and tasks in step for so long; how many issues Jira was asked about."""
    connection = jira_connection()
    if connection is None or not is_reachable(connection):
        return 0
    _name_issues(connection)
    want_tasks(connection)
    until, asked = time.monotonic() + seconds, 0
    for row in _due(connection):
        if time.monotonic() >= until:
            break
        asked += 1
        if not _look(row, connection):
            break
    return asked


def is_reachable(connection: Connection) -> bool:
    """Whether the circuit breaker lets anything through."""
    return connection.closed_until is None or connection.closed_until <= clock.now()


def api_of(connection: Connection, at_most: float | None = None) -> JiraApi:
    """The API of a connection to Jira. Raises SendFailed when its secret cannot be read."""
    is_cloud = connection.provider == Provider.JIRA_CLOUD
    return JiraApi(account_of(connection), is_cloud=is_cloud, at_most=at_most)


def may_ask_again(standing: Standing) -> bool:
    """Whether somebody of this standing may have Jira asked before it is time."""
    return standing in ACTING


def ask_again(actor: Actor, experiment: Experiment) -> None:
    """The test's issue and task are looked at next. Raises NotAllowed."""
    if not may_ask_again(standing_of(actor, experiment)):
        raise NotAllowed("Only the test's managers and superusers have Jira asked again.")
    # Not as if nobody had looked: a task that was tried before is looked for, not made anew.
    rows = JiraIssue.objects.filter(experiment=experiment, checked_at__isnull=False)
    rows.update(checked_at=_LONG_AGO)


def _name_issues(connection: Connection) -> None:
    """A row for the issue of each test or user group that names one."""
    rows = JiraIssue.objects.filter(role=_TEST)
    named = Experiment.objects.exclude(jira_issue="").exclude(pk__in=rows.values("experiment"))
    missing = [
        JiraIssue(experiment_id=pk, connection=connection, role=_TEST, key=key)
        for pk, key in named.values_list("pk", "jira_issue")
    ]
    JiraIssue.objects.bulk_create(missing, ignore_conflicts=True)


def _due(connection: Connection) -> Iterator[JiraIssue]:
    """What is to be looked at, the longest waiting first. What names another issue than it did is due at once."""
    now = clock.now()
    lively = (
        Q(role=_TEST, experiment__status__in=UNFINISHED)
        | Q(role=_CUT, is_done=False)
        | Q(role=_TEST, linked_at__lt=F("experiment__finished_at"))
    )
    due = (
        Q(checked_at=None)
        | (lively & Q(checked_at__lte=now - LIVELY))
        | Q(checked_at__lte=now - DAY)
        | (Q(role=_TEST) & (~Q(key=F("experiment__jira_issue")) | ~Q(connection=connection)))
    )
    # A task that another Jira holds stays that one's.
    rows = JiraIssue.objects.filter(due).exclude(Q(role=_CUT) & ~Q(connection=connection))
    yield from rows.select_related("experiment", "connection").order_by(
        F("checked_at").asc(nulls_first=True), "pk"
    )


def _look(row: JiraIssue, connection: Connection) -> bool:
    """See how one is; whether Jira answers, so that others may be looked at as well."""
    try:
        # The key of what was made by an attempt that was killed is found here, too.
        _step_of(row, connection)(row, connection)
    except SendFailed as failure:
        note(row, error=failure.answer[:MAX_ERROR])
        if failure.provider_down:
            note_failure(connection.pk, failure.answer)
        if failure.retry_after:
            note_rest(connection.pk, failure.retry_after)
        return not failure.provider_down and failure.retry_after is None
    except Exception as error:
        # Written down as looked at: else the same one would come first for ever, and no other after it.
        logger.exception("Issue %s failed in a way that nobody thought of", row.pk)
        note(row, error=f"{type(error).__name__} in our own code; the log says more.")
        return True
    note_success(connection.pk)
    return True


def _step_of(row: JiraIssue, connection: Connection) -> Callable[[JiraIssue, Connection], None]:
    if row.role == _TEST and (row.key != row.experiment.jira_issue or row.connection_id != connection.pk):
        return _rename
    if row.role == _CUT and not row.key:
        return _make
    return _refresh


def note(row: JiraIssue, **values: object) -> None:
    """Write down what was found, unless the row is about another issue by now."""
    JiraIssue.objects.filter(pk=row.pk, key=row.key).update(checked_at=clock.now(), **values)


def _rename(row: JiraIssue, connection: Connection) -> None:
    """The test names another issue than before, or none: the old one no longer links to it."""
    if row.linked_at is not None and row.connection_id == connection.pk:
        try:
            api_of(connection).remove_link(row.key, global_id(row.experiment))
        except SendFailed as failure:
            # A link that may not be taken away is no reason to stay with the wrong issue.
            if not failure.permanent:
                raise
    key = row.experiment.jira_issue
    rows = JiraIssue.objects.filter(pk=row.pk, key=row.key)
    if not key:
        rows.delete()
        return
    rows.update(key=key, connection=connection, linked_at=None, checked_at=None, **_UNKNOWN)
    row.key, row.linked_at, row.connection = key, None, connection
    _refresh(row, connection)


def _make(row: JiraIssue, connection: Connection) -> None:
    """Make the task. That somebody tries is written down before, so that whoever follows looks for it first."""
    is_first = row.checked_at is None
    note(row)
    key = make_task(api_of(connection), row, connection, is_first=is_first)
    JiraIssue.objects.filter(pk=row.pk, key="").update(key=key, error="")
    row.key = key
    _refresh(row, connection)


def _refresh(row: JiraIssue, connection: Connection) -> None:
    """Title and status of the issue, and the link from it."""
    api = api_of(connection)
    issue = api.issue(row.key)
    if issue is None:
        note(row, error=f"Jira has no issue {row.key} that our account may see.")
        return
    url = issue.url if len(issue.url) <= MAX_URL else ""
    note(row, title=issue.title, status=issue.status, is_done=issue.is_done, url=url, error="")
    if _wants_link(row):
        with let_in("The link back could not be made"):
            api.put_link(row.key, link_to(row.experiment))
        note(row, linked_at=clock.now())


def _wants_link(row: JiraIssue) -> bool:
    """Once, and once more when the test is finished, which the link shows. What a draft is about is for its managers only."""
    experiment = row.experiment
    if experiment.status == Status.DRAFT:
        return False
    finished_at = experiment.finished_at
    return row.linked_at is None or (finished_at is not None and row.linked_at < finished_at)


def link_to(experiment: Experiment) -> Link:
    """The link from an issue to the test's page."""
    address = reverse("experiments:experiment_page", kwargs={"kind": experiment.kind, "key": experiment.key})
    return Link(
        global_id=global_id(experiment),
        url=f"{settings.PUBLIC_URL}{address}",
        title=experiment.name[:MAX_SUMMARY],
        summary=f"{experiment.noun.capitalize()} {experiment.key} in UserSplit",
        is_resolved=experiment.status == Status.FINISHED,
    )


def global_id(experiment: Experiment) -> str:
    """What Jira knows our link by, at most 255 characters: two installations may link to one issue."""
    return f"system={settings.PUBLIC_URL[:150]}&{experiment.kind}={experiment.key}"
