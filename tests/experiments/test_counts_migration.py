"""Counts of older installations: a row for each pair of settings groups becomes one table for each count."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg import sql

from experiments.compact_counts import unpack_counts
from tests.workers import database_url

ROOT = Path(__file__).resolve().parents[2]

OLD_ROWS = """
    INSERT INTO experiments_experiment (id, kind, key, name, description, hypothesis, metric, success, area, side, jira_issue,
        chat_room, status, outcome, scope, conclusion, revision, created_at)
    SELECT n, 'test', 'test_' || n, '', '', '', '', '', '', 'server', '', '', 'draft', '', '', '', 1, now()
    FROM generate_series(1, 3) n;
    INSERT INTO experiments_settingsgroup (id, experiment_id, number, conditions, draw_objective, exclusive_with, tokens,
        message, created_at)
    SELECT n, n, 1, '[]', 'random', '{}', '{}', '', now() FROM generate_series(1, 3) n;
    INSERT INTO experiments_draw (settings_group_id, owners, objective, seed, log, drawn_at)
    SELECT n, array_fill(n, ARRAY[2400])::smallint[], 'random', n, '{}', now() FROM generate_series(1, 2) n;
    INSERT INTO experiments_audiencecount (id, settings_group_id, users, not_counted, warehouse_version, counted_at)
    SELECT id, settings_group, array_fill(id, ARRAY[2400]), '{}', 'v', now()
    FROM (VALUES (10, 1), (11, 2), (12, 2), (13, 3)) AS counts(id, settings_group);
    INSERT INTO experiments_sharedcount (count_id, other_id, users, not_counted) VALUES
        (11, 1, array_fill(5, ARRAY[2400]), '{}'),
        (12, 3, array_fill(70000, ARRAY[2400]), '{user_agent}'),
        (12, 1, array_fill(6, ARRAY[2400]), '{}');
"""


@pytest.fixture
def old_database(db: None) -> Iterator[str]:
    """An empty database of its own, gone after the test."""
    name = f"migrated_{os.getpid()}"
    with psycopg.connect(database_url(), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield psycopg.conninfo.make_conninfo(database_url(), dbname=name)
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def migrate(url: str, *target: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0", *target],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        check=True,
    )


def test_old_counts_become_tables_and_draws_know_theirs(old_database: str) -> None:
    migrate(old_database, "experiments", "0001")
    with psycopg.connect(old_database) as rows:
        rows.execute(OLD_ROWS)
    migrate(old_database, "experiments")
    with psycopg.connect(old_database) as rows:
        counts = {
            pk: (others, names, unpack_counts(shared))
            for pk, others, names, shared in rows.execute(
                "SELECT id, others, others_not_counted, shared FROM experiments_audiencecount"
            )
        }
        draws = rows.execute("SELECT settings_group_id, count_id FROM experiments_draw ORDER BY 1").fetchall()
        with pytest.raises(psycopg.errors.RaiseException):
            rows.execute("UPDATE experiments_draw SET seed = 0")
    assert draws == [(1, 10), (2, 11)]
    assert [counts[pk][0] for pk in (10, 11, 12, 13)] == [[], [1], [1, 3], []]
    assert counts[12][1] == {"3": ["user_agent"]}
    assert np.array_equal(counts[12][2], [[6] * 2400, [70_000] * 2400])
    assert counts[13][2].shape == (0, 2400)
    assert counts[11][1] == {}
