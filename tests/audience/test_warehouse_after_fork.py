"""Celery forks its workers: a connection of the parent must never be used, or freed, in a child."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

PROGRAM = """
import datetime as dt, os, sys
import django
django.setup()
from pathlib import Path
from audience.loading import load_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import DEFAULT

folder = Path(sys.argv[1])
(folder / "users.csv").write_text("id,age\\n" + "".join(f"{n},{n % 90}\\n" for n in range(5000)))
warehouse = DuckDBWarehouse(folder / "store", lambda: DEFAULT)
load_users(folder / "users.csv", warehouse=warehouse, catalogue=DEFAULT)
now = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
count = lambda: int(warehouse.count_table([], [], now).users.sum())
assert count() == 5000
child = os.fork()
if not child:
    sys.exit(0 if count() == 5000 else 1)
assert os.waitpid(child, 0)[1] == 0, "the child must count, and end in peace"
assert count() == 5000
print("both counted")
"""


def test_parent_and_child_both_count(tmp_path: object) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("both counted\n", 0), ran.stderr
