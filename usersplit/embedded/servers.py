"""The embedded servers as one thing to be started and stopped, and the lock that gives them one owner."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from usersplit.embedded.layout import Layout
from usersplit.embedded.postgres import Postgres
from usersplit.embedded.processes import Child
from usersplit.embedded.redis import Redis


class InUse(RuntimeError):
    """Another process owns this installation; `owner` says which."""

    def __init__(self, layout: Layout, owner: str) -> None:
        super().__init__(f"UserSplit already runs in {layout.var}{f' ({owner})' if owner else ''}.")
        self.owner = owner


@contextmanager
def owned(layout: Layout) -> Iterator[bool]:
    """Own the installation while inside; raises InUse. Yields whether the last owner died without leaving.

    The kernel gives the lock back however the owner ends, so it is never stale.
    """
    layout.var.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise InUse(layout, file.read().strip()) from None
        file.seek(0)
        was_killed = bool(file.read().strip())
        file.truncate(0)
        file.write(f"process {os.getpid()}\n")
        file.flush()
        yield was_killed
        file.truncate(0)


def missing_servers(
    layout: Layout, environment: Mapping[str, str] = os.environ, *, throwaway: bool = False
) -> list[Child]:
    """The servers that the environment does not name, ready to be started."""
    servers: list[Child] = []
    if not environment.get("DATABASE_URL"):
        servers.append(Postgres(layout, throwaway=throwaway))
    if not environment.get("BROKER_URL"):
        servers.append(Redis(layout))
    return servers


def connected(layout: Layout, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environment` and where to find everything: what UserSplit's own processes need."""
    return {
        **environment,
        "DATABASE_URL": environment.get("DATABASE_URL") or layout.database_url,
        "BROKER_URL": environment.get("BROKER_URL") or layout.broker_url,
        "VAR_DIR": str(layout.var),
        # The interpreter's own programs first, then ours: celery, granian.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]),
    }


@contextmanager
def started(servers: list[Child]) -> Iterator[None]:
    """All servers ready while inside, all stopped after, in the opposite order."""
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        yield
    finally:
        for server in reversed(servers):
            server.stop()


@contextmanager
def throwaway_layout() -> Iterator[Layout]:
    """An installation in a fresh folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="usersplit-"))
    # Others may pass, so that the database's own user reaches its data; everything inside is closed to them.
    folder.chmod(0o711)
    layout = Layout.of(folder)
    try:
        yield layout
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        remove_sockets(layout)


def remove_sockets(layout: Layout) -> None:
    """Leave nothing in /tmp."""
    with suppress(FileNotFoundError):
        shutil.rmtree(layout.sockets)
