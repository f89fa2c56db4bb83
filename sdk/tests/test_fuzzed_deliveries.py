"""The fuzzer of delivery folders, for a few seconds; ``python -m fuzz`` does it for longer."""

import os
import subprocess
import sys
from pathlib import Path

from fuzz.folders import run

SDK = Path(__file__).parent.parent


def test_no_exception_comes_out_of_a_client_of_damaged_folders() -> None:
    counts = run(seconds=3, first_seed=1)
    assert counts.tried["folder"] > 0
    assert counts.tried["check"] > counts.tried["refresh"] > 0


def test_the_command_says_what_was_tried() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "--seconds", "0.5", "--seed", "7"],
        cwd=SDK,
        env={**os.environ, "PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("seed 7, 0.5 s, no exception out of the client\n")
    assert "folder" in done.stdout
