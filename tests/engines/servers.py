"""Servers of a test's own, on loopback or a unix socket, in folders of their own, ended by their process ids."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until


def engines_home() -> Path:
    return Path(os.environ["ENGINES_HOME"])


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def short_folder() -> Iterator[Path]:
    """Under /tmp by name: sockets' paths must be short, and a server that is not root must get there."""
    folder = Path(tempfile.mkdtemp(prefix="usersplit-engine-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    is_ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers, until the block ends."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    try:
        wait_until(lambda: server.poll() is not None or is_ready(), f"{command[0]} answers", seconds=120)
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def answers_on(port: int) -> Callable[[], bool]:
    def connects() -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", port)) == 0

    return connects


def as_nobody(folder: Path) -> list[str]:
    """PostgreSQL refuses to be root: the words before its command that make it nobody, who then owns the folder."""
    if os.getuid():
        return []
    nobody = pwd.getpwnam("nobody")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
