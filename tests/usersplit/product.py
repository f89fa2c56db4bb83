"""The whole product as `make run` starts it, on a free port, in a folder of its own, with the demo's 200,000 users."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.embedded.commands import ROOT, environment
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Product:
    """Where it is; `demo` is what `var/demo.json` holds."""

    var: Path
    url: str
    demo: dict[str, Any]

    @property
    def delivery(self) -> Path:
        return self.var / "delivery"

    def read(self, path: str) -> Any:
        """GET of the API with the demo's token."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.demo['token']}"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def has_announced(output: Path) -> bool:
    """Whether the block with the address and the logins has been printed."""
    return b"UserSplit runs at" in output.read_bytes()


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


@contextmanager
def running_product(var: Path, output: Path) -> Iterator[Product]:
    """Start it, wait until it answers, and end it as Ctrl-C does."""
    port = free_port()
    with output.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "usersplit.embedded", "run", "--var", str(var)],
            cwd=ROOT,
            env=environment(PORT=str(port), DJANGO_SETTINGS_MODULE="usersplit.settings"),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: has_announced(output) or process.poll() is not None, "the product runs", 300)
        assert has_announced(output), output.read_text()
        yield Product(var, f"http://127.0.0.1:{port}", json.loads((var / "demo.json").read_text()))
    finally:
        process.terminate()
        process.wait(60)
