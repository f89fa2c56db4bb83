"""Makes sure of a Chromium for the browser tests; prints nothing when there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The browser named by $CHROMIUM, else the first one on PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None)


def main() -> None:
    if find() is not None:
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(
            "The browser tests need Chromium: install it (Debian: `apt-get install chromium`) or set CHROMIUM to its path."
        )
    print("setup: chromium", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", "chromium"]):
        if subprocess.run(
            ["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=False
        ).returncode:
            sys.exit(f"`apt-get {' '.join(command)}` failed; the browser tests need Chromium.")
    if find() is None:
        sys.exit("Debian's chromium was installed but is not on PATH.")


if __name__ == "__main__":
    main()
