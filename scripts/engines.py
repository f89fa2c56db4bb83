"""Fetches what only the tests of distributed engines need, into `.venv/engines`, and runs those tests: `make test-engines`.

Debian's packages (ClickHouse 18.16, and PostgreSQL 15 where none with postgres_fdw is there) are downloaded and unpacked, not
installed: nothing outside of `.venv` changes. Spark and the old ClickHouse's driver come from requirements/engines.txt.

    python scripts/engines.py                 fetch, then run tests/engines
    python scripts/engines.py -k spark        the same; what follows goes to pytest
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
HOME = ROOT / ".venv" / "engines"
REQUIREMENTS = ROOT / "requirements" / "engines.txt"
# What every Debian has: its own C library must go on serving every program.
EVERYWHERE = (
    "libc6", "libgcc-s1", "libstdc++6", "libcrypt1", "adduser", "passwd", "debconf", "dpkg", "tar", "gcc-12-base", "perl-base",
    "ucf", "install-info", "ssl-cert", "openssl",
)  # fmt: skip
SYSTEM_POSTGRESQL = Path("/usr/lib/postgresql")


def main() -> int:
    if not PYTHON.exists():
        sys.exit("set up the tests' environment first: `make setup-dev`")
    HOME.mkdir(exist_ok=True)
    step("python", REQUIREMENTS.read_text(), fetch_python)
    step("clickhouse", "1", lambda: fetch_debian("clickhouse", ["clickhouse-server", "clickhouse-common"]))
    if not any(SYSTEM_POSTGRESQL.glob("*/lib/postgres_fdw.so")):
        step("postgresql", "1", lambda: fetch_debian("postgresql", ["postgresql-15"]))
    if shutil.which("java") is None:
        sys.exit(
            "Spark needs Java 17 or later: install it (Debian: `apt-get install openjdk-17-jre-headless`)"
        )
    environment = {
        **os.environ,
        "ENGINES_HOME": str(HOME),
        "PYTHONPATH": os.pathsep.join([str(HOME / "python"), str(ROOT)]),
    }
    tests = [str(PYTHON), "-m", "pytest", "tests/engines", "-n0", "-v", *sys.argv[1:]]
    command = [str(PYTHON), "-m", "usersplit.embedded", "exec", "--", *tests]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def step(name: str, version: str, action: Callable[[], None]) -> None:
    """Run `action` unless what it made of the same version is there."""
    digest = hashlib.sha256(version.encode()).hexdigest()
    stamp = HOME / f".{name}.stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"engines: {name}", flush=True)
    shutil.rmtree(HOME / name, ignore_errors=True)
    action()
    stamp.write_text(digest)


def fetch_python() -> None:
    """Beside the environment of the tests, not into it: half a gigabyte that nothing else needs."""
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    subprocess.run(
        [*uv, "--require-hashes", "--target", str(HOME / "python"), "-r", str(REQUIREMENTS)],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".venv" / "uv")},
        check=True,
    )


def fetch_debian(name: str, wanted: list[str]) -> None:
    """Download Debian packages with what they depend on, and unpack them under `.venv/engines/<name>`."""
    if shutil.which("apt-get") is None:
        sys.exit(f"{wanted[0]} comes from Debian's packages, and there is no apt-get here")
    packages = downloadable(dependencies(wanted))
    if not set(wanted) <= set(packages):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        packages = downloadable(dependencies(wanted))
    if missing := sorted(set(wanted) - set(packages)):
        sys.exit(f"Debian has no {', '.join(missing)} here; it is in bookworm")
    folder = HOME / name
    archives = folder / "packages"
    archives.mkdir(parents=True)
    subprocess.run(
        ["apt-get", "download", "-qq", *packages], cwd=archives, check=True, stderr=subprocess.DEVNULL
    )
    for archive in sorted(archives.iterdir()):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
    shutil.rmtree(archives)


def dependencies(wanted: Iterable[str]) -> list[str]:
    quiet = [
        f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    ]
    listed = subprocess.run(
        ["apt-cache", "depends", "--recurse", *quiet, *wanted], capture_output=True, text=True, check=False
    ).stdout
    names = {line for line in listed.splitlines() if line and line[0].isalnum()}
    return sorted(name.partition(":")[0] for name in names if name not in EVERYWHERE)


def downloadable(names: Iterable[str]) -> list[str]:
    """Those that are packages with a version, not only names that others provide."""
    shown = subprocess.run(
        ["apt-cache", "policy", *names], capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout  # fmt: skip
    found, name = [], ""
    for line in shown.splitlines():
        if line and not line.startswith(" "):
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found.append(name)
    return found


if __name__ == "__main__":
    sys.exit(main())
