"""Tasks in Jira to cut finished tests out of the code. One a test, however often it is tried."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.urls import reverse

from delivery.selectors import code_places_of
from experiments.lifecycle import Status
from experiments.models import Experiment, Outcome, Scope
from notifications.channels.base import SendFailed
from notifications.channels.jira_api import JiraApi, NewTask, let_in
from notifications.documents import Block, Bullets, Paragraph, Text
from notifications.models import Connection, JiraIssue

MAX_PLACES: Final = 100
DEFAULT_KIND: Final = "Task"
_BATCH: Final = 50


def want_tasks(connection: Connection) -> None:
    """A row for each test that finished since there is a Jira. Those before were somebody's business already."""
    finished = Experiment.objects.tests().filter(
        status=Status.FINISHED, finished_at__gte=connection.created_at
    )
    if not project_option(connection):
        finished = finished.exclude(jira_issue="")
    tasks = JiraIssue.objects.filter(role=JiraIssue.Role.CUT)
    wanted = finished.exclude(pk__in=tasks.values("experiment")).order_by("pk")[:_BATCH]
    rows = [
        JiraIssue(experiment=experiment, connection=connection, role=JiraIssue.Role.CUT)
        for experiment in wanted
    ]
    JiraIssue.objects.bulk_create(rows, ignore_conflicts=True)


def project_option(connection: Connection) -> str:
    """The project for tasks of tests that have no issue; empty when there are to be none."""
    return str(connection.options.get("project") or "").strip()


def make_task(api: JiraApi, row: JiraIssue, connection: Connection, *, is_first: bool) -> str:
    """The key of the row's task, made now unless an earlier attempt has. Raises SendFailed."""
    experiment = row.experiment
    issue = api.issue(experiment.jira_issue) if experiment.jira_issue else None
    project = issue.project if issue is not None else project_option(connection)
    if not project:
        raise SendFailed(
            f"Jira has no issue {experiment.jira_issue} that our account may see, so there is no project for the task.",
            permanent=True,
        )
    # One word, which Jira's index keeps whole.
    marker = f"usersplitcut{row.token.hex}"
    found = None if is_first else api.task_with(project, marker)
    if found is not None:
        return found
    task = NewTask(
        project=project,
        summary=f"Cut {experiment.key} out of the code",
        description=description_of(experiment, marker),
        kind=str(connection.options.get("task_type") or DEFAULT_KIND),
        parent="" if issue is None or issue.is_subtask else issue.key,
    )
    with let_in("The task could not be made"):
        return api.create_task(task)


def description_of(experiment: Experiment, marker: str) -> list[Block]:
    """What is to be done and where, with the marker at the end."""
    address = reverse("experiments:experiment_page", kwargs={"kind": experiment.kind, "key": experiment.key})
    about = [
        Text("The test "),
        Text(experiment.key, is_code=True),
        Text(f" (“{experiment.name}”) is finished: "),
    ]
    blocks: list[Block] = [Paragraph((*about, *_outcome(experiment)))]
    if experiment.jira_issue:
        blocks.append(Paragraph((Text(f"Its issue: {experiment.jira_issue}."),)))
    blocks += _places(experiment)
    blocks.append(Paragraph((Text("The test in UserSplit", link=f"{settings.PUBLIC_URL}{address}"),)))
    blocks.append(Paragraph((Text(f"Reference: {marker}"),)))
    return blocks


def _outcome(experiment: Experiment) -> tuple[Text, ...]:
    """What the code is to do from now on."""
    if experiment.outcome == Outcome.WINNER and experiment.winner is not None:
        winner = Text(experiment.winner.name, is_code=True)
        if experiment.scope == Scope.EVERYWHERE:
            return winner, Text(
                " won, for everyone. Keep its code, and remove the question and the other variants."
            )
        return (
            winner,
            Text(" won, for those who meet the test's conditions. Put these conditions into the code, keep "),
            winner,
            Text(" for them, and remove the question and the other variants."),
        )
    return (Text("no variant won. Keep what users had before, and remove the question and all variants."),)


def _places(experiment: Experiment) -> list[Block]:
    places = code_places_of(experiment)
    if not places:
        how = "No scan of the code has reported where it is named. To find it: "
        scan = Text("usersplit-sdk scan", is_code=True)
        return [Paragraph((Text(how), scan, Text(" in the repositories of the applications.")))]
    items = [(Text(str(place), is_code=True, link=place.link or ""),) for place in places[:MAX_PLACES]]
    if len(places) > MAX_PLACES:
        items.append((Text(f"and {len(places) - MAX_PLACES:,} more places, shown in UserSplit"),))
    return [Paragraph((Text("The newest scans of the code found it here:"),)), Bullets(tuple(items))]
