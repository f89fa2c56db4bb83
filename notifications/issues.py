"""Tests' issues in Jira: which there are, and what Jira says of them. Everything may run twice or be killed anywhere."""

from __future__ import annotations

from experiments.models import Experiment
from notifications.models import Connection, JiraIssue
from notifications.planning import jira_connection


def look_at_issues() -> int:
    """Bring the rows in step with what the tests say; how many rows are new or different."""
    connection = jira_connection()
    return 0 if connection is None else _keep_in_step(connection)


def _keep_in_step(connection: Connection) -> int:
    """One row for the issue of each test that names one. Another issue than before starts anew."""
    rows = JiraIssue.objects.filter(role=JiraIssue.Role.TEST)
    named = Experiment.objects.tests().exclude(jira_issue="")
    missing = [
        JiraIssue(experiment_id=pk, connection=connection, role=JiraIssue.Role.TEST, key=key)
        for pk, key in named.exclude(pk__in=rows.values("experiment")).values_list("pk", "jira_issue")
    ]
    JiraIssue.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)
