"""The other end of a story: an application server that decides by the delivered files, and the pipeline that scans its code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from usersplit_sdk import Client, Environment, User


def decided(
    folder: Path, key: str, split_group: int, environment: str = "production", **attributes: Any
) -> tuple[str | None, str]:
    """(variant, reason) for the user 4711 in this split group, read anew from the files."""
    with Client.from_directory(folder, environment=environment) as client:
        user = User(id="4711", split_group=split_group, attributes=attributes)
        found = client.explain(key, user, Environment())
    return found.variant, str(found.reason)


def scan(code: Path, url: str, secret: str) -> subprocess.CompletedProcess[str]:
    """What the pipeline of the repository `shop/web` does after every merge."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "usersplit_sdk",
            "scan",
            str(code),
            "--no-git",
            "--report",
            url,
            "--repository",
            "shop/web",
        ],
        env=os.environ | {"USERSPLIT_TOKEN": secret},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
