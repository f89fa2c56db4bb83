"""Runs pytest; a few tests that failed beside others are run once more, alone, and named either way.

Two thousand of our tests start browsers, workers and servers on however many processors there are. What is wrong fails
alone as well, and the run with it. What only fails beside others is printed as unsteady, to be looked into: it does not
stop a change that has nothing to do with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MOST = 3
_TESTS_FAILED = 1


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "failed.json"
        code = _pytest(arguments, note)
        failed: list[str] = json.loads(note.read_text()) if note.exists() else []
        if code != _TESTS_FAILED or not 0 < len(failed) <= MOST:
            return code
        print(f"\nOnce more, alone: {', '.join(failed)}", flush=True)
        again = _pytest(["--numprocesses=0", *failed], note)
    if again == 0:
        print(f"\nUnsteady, failed beside others and passed alone: {', '.join(failed)}", flush=True)
    return again


def _pytest(arguments: list[str], note: Path) -> int:
    note.unlink(missing_ok=True)
    environment = os.environ | {"FAILED_TESTS": str(note)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
