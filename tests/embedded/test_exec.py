"""`exec` gives one command a database and a broker and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.embedded.commands import (
    ROOT,
    command,
    environment,
    execute,
    processes_of,
    query,
    start,
)
from tests.waiting import wait_until
from usersplit.embedded.layout import Layout

LOOK_AROUND = """
import json, os, sys, psycopg, kombu
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    database = connection.execute("SELECT current_database()").fetchone()[0]
with kombu.Connection(os.environ["BROKER_URL"]) as broker:
    broker.ensure_connection(max_retries=1)
print(json.dumps({"database": database, "var": os.environ["VAR_DIR"]}))
sys.exit(7)
"""


def test_the_command_finds_both_servers_and_its_exit_code_comes_back() -> None:
    finished = subprocess.run(
        command("exec", "--", sys.executable, "-c", LOOK_AROUND),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 7, finished.stderr
    seen = json.loads(finished.stdout)
    assert seen["database"] == "usersplit"
    layout = Layout.of(seen["var"])
    assert not layout.var.exists()
    assert not layout.sockets.exists()
    assert processes_of(layout.var) == []


def test_a_folder_keeps_its_data_from_one_command_to_the_next(tmp_path: Path) -> None:
    query(tmp_path, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (42)")

    assert query(tmp_path, "SELECT n FROM kept") == "[(42,)]"
    assert processes_of(tmp_path) == []


def test_a_second_command_in_the_same_folder_shares_the_servers(tmp_path: Path) -> None:
    inner = [*command("exec", "--var", str(tmp_path), "--"), "sh", "-c", "exit 5"]

    finished = execute(
        tmp_path, "sh", "-c", f"{' '.join(inner[:-1])} 'exit 5'; echo inner $?; test -S {_socket(tmp_path)}"
    )

    assert finished.stdout.strip() == "inner 5"
    assert finished.returncode == 0, "the inner command must leave the outer one's servers running"


def _socket(var: Path) -> Path:
    return Layout.of(var).database_sockets / ".s.PGSQL.5432"


def test_a_signal_ends_the_command_and_the_servers(tmp_path: Path) -> None:
    running = start(tmp_path, "sh", "-c", "echo up; exec sleep 60")
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"

    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)

    assert running.returncode == 128 + signal.SIGTERM
    assert processes_of(tmp_path) == []


def test_a_server_that_the_environment_names_is_not_started(tmp_path: Path) -> None:
    finished = execute(
        tmp_path, "sh", "-c", "echo $DATABASE_URL", DATABASE_URL="postgresql://db.example/usersplit"
    )

    assert finished.stdout.strip() == "postgresql://db.example/usersplit"
    assert not Layout.of(tmp_path).database.exists()


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    finished = execute(tmp_path, "no-such-program")

    assert finished.returncode == 1
    assert "no-such-program" in finished.stderr
    assert processes_of(tmp_path) == []


def test_killed_outright_it_takes_everything_with_it(tmp_path: Path) -> None:
    running = start(tmp_path, "sh", "-c", "echo up; exec sleep 60")
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"

    os.kill(running.pid, signal.SIGKILL)
    running.communicate(timeout=30)

    wait_until(lambda: processes_of(tmp_path) == [], "the servers and the command have ended")
    assert query(tmp_path, "SELECT 1") == "[(1,)]"
