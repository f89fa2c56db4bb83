"""An environment per peer, made from ``requirements/bench-<name>.txt`` and kept until that file changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = ROOT / "requirements"
VENV = ROOT / ".venv"
KEPT = VENV / "peers"
INSTALL_SECONDS = 300


class NotInstalled(Exception):
    """The environment could not be made; the text says why, in one line."""


def interpreter(name: str) -> Path:
    """The peer's Python, its environment made first if need be; raises ``NotInstalled``."""
    folder, wanted = KEPT / name, REQUIREMENTS / f"bench-{name}.txt"
    python, stamp = folder / "bin" / "python", folder / "bench.stamp"
    digest = hashlib.sha256(f"{folder}\n{os.path.realpath(sys.executable)}".encode() + wanted.read_bytes())
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    # Two of the packages come as sources only; the tool that builds them is the one the product pins.
    _run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), "--require-hashes",
         "--build-constraints", str(REQUIREMENTS / "runtime.txt"), "-r", str(wanted))  # fmt: skip
    stamp.write_text(digest.hexdigest())
    return python


def _run(*command: str) -> None:
    environment = {
        **os.environ, "PYTHONPATH": str(VENV / "uv"), "UV_NO_PROGRESS": "1", "UV_LINK_MODE": "copy",
        "UV_HTTP_TIMEOUT": "30",
    }  # fmt: skip
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"installing it took more than {INSTALL_SECONDS} s") from None
    if done.returncode:
        said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise NotInstalled(said[0] if said else f"{command[2]} ended with {done.returncode}")
