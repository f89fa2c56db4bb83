"""What makes the product besides its servers: web, worker, beat, and the commands that prepare them."""

from __future__ import annotations

import hashlib
import http.client
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from usersplit.embedded.layout import ROOT, Layout
from usersplit.embedded.processes import Child, tied

HEALTHY = 200
PATIENCE = 10.0  # seconds that a command may take to end when asked


class Web(Child):
    """The web server; ready when its health page answers."""

    patience = 60.0

    def __init__(self, environment: Mapping[str, str], host: str, port: int) -> None:
        super().__init__("web", environment)
        self.host, self.port = host, port

    def command(self) -> list[str]:
        return [sys.executable, "-m", "granian", "--interface", "wsgi", "usersplit.wsgi:application",
                "--host", self.host, "--port", str(self.port), "--workers", "2", "--blocking-threads", "4",
                "--backlog", "1024", "--respawn-failed-workers", "--workers-kill-timeout", "5",
                "--log-level", "warning"]  # fmt: skip

    def is_ready(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - the "any" addresses
        connection = http.client.HTTPConnection(host, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            return connection.getresponse().status == HEALTHY
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Worker(Child):
    """A Celery worker. TERM lets it finish what it does, QUIT gives it back to the queue.

    There is one for what counts users, one for what loads them, one for hits, and one for everything else, so that a pause is
    never delivered late because of a count.
    """

    stop_signals = ((signal.SIGTERM, 10.0), (signal.SIGQUIT, 5.0))
    orphan_signal = "QUIT"

    def __init__(
        self,
        environment: Mapping[str, str],
        name: str,
        queues: str,
        processes: int,
        pool: str = "prefork",
    ) -> None:
        self.queues, self.processes, self.pool = queues, processes, pool
        # Root runs the product in many a container; the warning about it is for pickled messages, which we refuse.
        quiet = "ignore:You're running the worker with superuser privileges"
        known = environment.get("PYTHONWARNINGS")
        super().__init__(name, {**environment, "PYTHONWARNINGS": f"{known},{quiet}" if known else quiet})

    def command(self) -> list[str]:
        return [sys.executable, "-m", "celery", "-A", "usersplit", "worker", "--pool", self.pool,
                "--concurrency", str(self.processes), "--hostname", f"{self.name}@%h", "--queues", self.queues,
                "--prefetch-multiplier", "1", "--without-mingle", "--without-gossip", "--loglevel", "INFO"]  # fmt: skip


def workers(environment: Mapping[str, str]) -> list[Worker]:
    """All of them; every queue of the settings is served."""
    return [
        Worker(environment, "worker", "celery", 2),
        Worker(environment, "counting", "preparation,counting", 2),
        # Loads wait for each other anyway.
        Worker(environment, "loading", "loading", 1),
        # One process at a time folds, so this worker works by itself, without a child: a hundred megabytes less.
        Worker(environment, "hits", "hits", 1, pool="solo"),
        # A thread for each channel, since one process a channel sends at a time: a provider that hangs holds nobody else up.
        Worker(environment, "notifying", "notify_mail,notify_chat,notify_jira", 6, pool="threads"),
    ]


class Beat(Child):
    """The clock of the periodic tasks."""

    def __init__(self, environment: Mapping[str, str], layout: Layout) -> None:
        super().__init__("beat", environment)
        self.layout = layout

    def command(self) -> list[str]:
        return [sys.executable, "-m", "celery", "-A", "usersplit", "beat", "--pidfile", "",
                "--schedule", str(self.layout.var / "beat-schedule"), "--loglevel", "WARNING"]  # fmt: skip


def manage(environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """A `manage.py` command, started in a session of its own."""
    command = tied([sys.executable, str(ROOT / "manage.py"), *arguments])
    return subprocess.Popen(
        command, cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, start_new_session=True
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command of ours if it still runs: each may be killed at any moment and repeated."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class StaticFiles:
    """Collects static files when they changed: compressing them takes seconds that a start should not."""

    def __init__(self, layout: Layout) -> None:
        self.stamp = layout.var / "static.stamp"
        self.target = layout.var / "static"

    def are_current(self) -> bool:
        return self.target.is_dir() and self.stamp.exists() and self.stamp.read_text() == self._fingerprint()

    def remember(self) -> None:
        self.stamp.write_text(self._fingerprint())

    def _fingerprint(self) -> str:
        """Of our own static files as they lie there, and of the pins that bring everybody else's."""
        digest = hashlib.sha256()
        folders = [ROOT / "static", *ROOT.glob("*/static")]
        for path in sorted(file for folder in set(folders) for file in folder.rglob("*") if file.is_file()):
            found = path.stat()
            digest.update(f"{path.relative_to(ROOT)} {found.st_size} {found.st_mtime_ns}\n".encode())
        for pins in (ROOT / "requirements" / "runtime.txt", ROOT / "usersplit" / "settings.py"):
            digest.update(pins.read_bytes() if pins.exists() else b"")
        return digest.hexdigest()


def logins_file(layout: Layout, *, demo: bool) -> Path:
    """Where `load_demo` and `ensure_superuser` leave who can sign in."""
    return layout.var / ("demo.json" if demo else "first_login.json")
