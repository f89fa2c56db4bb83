"""Running `python -m usersplit.embedded` as a user does: in a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# A program for `exec`: runs SQL on the database it is given and prints the rows.
QUERY = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    for statement in sys.argv[1:]:
        cursor = connection.execute(statement)
        if cursor.description:
            print(cursor.fetchall())
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "usersplit.embedded", *arguments]


def environment(**changes: str) -> dict[str, str]:
    """Ours without the servers that these tests themselves run on."""
    left_out = {"DATABASE_URL", "BROKER_URL", "VAR_DIR"}
    return {name: value for name, value in os.environ.items() if name not in left_out} | changes


def execute(var: Path, *program: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """`exec --var VAR -- PROGRAM` to its end."""
    return subprocess.run(
        command("exec", "--var", str(var), "--", *program),
        cwd=ROOT,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def query(var: Path, *statements: str) -> str:
    """What the statements answer on the database kept in `var`."""
    finished = execute(var, sys.executable, "-c", QUERY, *statements)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def start(var: Path, *program: str) -> subprocess.Popen[str]:
    """The same, left running; its output is ours to read."""
    return subprocess.Popen(
        command("exec", "--var", str(var), "--", *program),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_of(var: Path) -> list[str]:
    """The names of the processes whose command line or working folder mentions `var`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            folder = os.path.realpath(entry / "cwd")
        except OSError:
            continue
        if words and (str(var) in words or folder.startswith(str(var))):
            found.append(words.replace("\0", " ").strip())
    return found
