"""What was prepared stays as it is, even for raw SQL."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.factories import make_experiment

RAISED_BY_A_TRIGGER = "P0001"

REFUSED = {
    "conditions of a settings group": "UPDATE experiments_settingsgroup SET conditions = '[]'",
    "number of a settings group": "UPDATE experiments_settingsgroup SET number = number + 1",
    "a settings group": "DELETE FROM experiments_settingsgroup",
    "all settings groups": "TRUNCATE experiments_settingsgroup CASCADE",
    "share of a variant": "UPDATE experiments_variant SET split_group_count = 0",
    "a variant": "DELETE FROM experiments_variant",
    "all variants": "TRUNCATE experiments_variant CASCADE",
    "another variant": (
        "INSERT INTO experiments_variant (settings_group_id, position, name, split_group_count, is_control, payload)"
        " SELECT id, 9, 'late', 1, false, '{}' FROM experiments_settingsgroup"
    ),
    "who owns the split groups": "UPDATE experiments_draw SET owners[1] = 2",
    "a draw": "DELETE FROM experiments_draw",
    "a count": "UPDATE experiments_audiencecount SET users[1] = 5",
    "a finished preparation": "UPDATE experiments_preparation SET state = 'queued'",
    "the preparation": "DELETE FROM experiments_preparation",
    "text of a changelog entry": "UPDATE changelog_entry SET message = 'it was not me'",
    "a changelog entry": "DELETE FROM changelog_entry",
    "the changelog": "TRUNCATE changelog_entry CASCADE",
    "a test": "DELETE FROM experiments_experiment",
    "the key of a published test": "UPDATE experiments_experiment SET key = 'other_key'",
    "a step that the lifecycle does not have": "UPDATE experiments_experiment SET status = 'paused'",
}


@pytest.mark.parametrize("statement", list(REFUSED.values()), ids=list(REFUSED))
def test_the_database_refuses(manager: Actor, statement: str) -> None:
    experiment = make_experiment(manager, Status.DEV)
    tables = (
        "experiments_settingsgroup",
        "experiments_variant",
        "experiments_draw",
        "changelog_entry",
        "experiments_experiment",
    )
    before = [_rows(table) for table in tables]

    with pytest.raises(ProgrammingError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        # Foreign keys of this very transaction would otherwise forbid a TRUNCATE before the trigger can.
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}")

    assert getattr(refusal.value.__cause__, "sqlstate", None) == RAISED_BY_A_TRIGGER
    assert [_rows(table) for table in tables] == before
    assert Experiment.objects.get(pk=experiment.pk).key == experiment.key


def _rows(table: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        return list(cursor.fetchall())
