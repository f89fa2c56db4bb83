"""The product as it runs for people, without the demo, in a folder of its own; and hits for it."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from usersplit.embedded.layout import ROOT, Layout
from usersplit.embedded.product import StaticFiles
from usersplit.embedded.servers import throwaway_layout

PATIENCE: Final = 180.0
TESTS: Final = 40
BATCH: Final = 1_000
# What a killed child looks like in /proc, by what it is called here.
_SIGNS: Final = {
    "web": ("granian",),
    "worker": ("celery", "worker", "hits@%h"),
    "database": ("postgres", "-D"),
}


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.05)
    return answer


@dataclass(frozen=True, slots=True)
class Counts:
    """How many hits are in each place, and how many different users the store has."""

    waiting: int
    store: int
    users: int
    hourly: int
    daily: int
    total: int


@dataclass(slots=True)
class Product:
    """Where it is, and what its hits are for: `tests` are (key, settings group, variant)."""

    layout: Layout
    host: str
    process: subprocess.Popen[bytes]
    token: str = ""
    tests: tuple[tuple[str, int, str], ...] = ()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=30)

    def is_well(self) -> bool:
        """Whether the web server, the database and the broker answer."""
        connection = self.connect()
        try:
            connection.request("GET", "/readyz", headers={"Host": "localhost"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return False
        else:
            return response.status == http.HTTPStatus.OK
        finally:
            connection.close()

    def send(self, connection: http.client.HTTPConnection, body: bytes) -> dict[str, Any] | None:
        """Post a packed batch of hits: the answer, or None if it was not taken for certain."""
        headers = {
            "Host": "localhost",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        connection.request("POST", "/api/v1/hits/", body, headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != http.HTTPStatus.ACCEPTED:
            return None
        answer: dict[str, Any] = json.loads(content)
        return answer

    def ask(self, *question: str) -> Any:
        """What `bench.ingestion_ground` answers, in a process of its own on this product's database."""
        asked = [sys.executable, "-m", "bench.ingestion_ground", *question]
        environment = _environment(self.layout, 0) | {"DJANGO_SETTINGS_MODULE": "usersplit.settings"}
        output = subprocess.run(asked, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout
        return json.loads(output.splitlines()[-1])

    def is_drained(self) -> bool:
        """Whether no batch waits to be counted; not while the database is down."""
        try:
            with psycopg.connect(self.layout.database_url, autocommit=True) as database:
                found = database.execute("SELECT NOT EXISTS (SELECT FROM analytics_waitingbatch)").fetchone()
        except psycopg.OperationalError:
            return False
        return found == (True,)

    def counts(self) -> Counts:
        return Counts(**self.ask("counts"))

    def pid_of(self, part: str) -> int | None:
        """The process of the web server, the worker that folds, or the database; None while there is none."""
        for pid in _children(self.process.pid):
            with_arguments = _command_line(pid)
            if all(any(sign in word for word in with_arguments) for sign in _SIGNS[part]):
                return pid
        return None

    def kill(self, part: str) -> None:
        """SIGKILL; back only when the supervisor has started another one and the product is well again."""
        killed = wait_until(lambda: self.pid_of(part), f"the {part} runs")
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: self.pid_of(part) not in {None, killed}, f"the {part} runs again")
        wait_until(self.is_well, f"the product is well without the {part} that was killed")


# The whole product but for the workers that have nothing to do with hits: a machine for tests starts it in half the time.
_ONLY_HITS: Final = """
import sys
from usersplit.embedded import run
every = run.workers
run.workers = lambda environment: [worker for worker in every(environment) if worker.name == "hits"]
sys.exit(run.run(sys.argv[1]))
"""


@contextmanager
def running_product(
    log: Path | None = None, *, only_hits: bool = False, tests: int = TESTS
) -> Iterator[Product]:
    """The product with a token and so many tests, until the block ends; with `only_hits` without the other workers."""
    with throwaway_layout() as layout:
        layout.make_folders()
        # Nobody looks at a page here.
        static = StaticFiles(layout)
        static.target.mkdir()
        static.remember()
        port = _free_port()
        start = ["-c", _ONLY_HITS] if only_hits else ["-m", "usersplit.embedded", "run", "--var"]
        with (log or layout.var / "output.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *start, str(layout.var)],
                cwd=ROOT,
                env=_environment(layout, port),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        product = Product(layout, f"127.0.0.1:{port}", process)
        try:
            wait_until(lambda: process.poll() is not None or product.is_well(), "the product runs")
            ground = product.ask("prepare", str(tests))
            product.token = ground["token"]
            product.tests = tuple((key, number, variant) for key, number, variant in ground["tests"])
            wait_until(lambda: product.pid_of("worker"), "the worker runs")
            yield product
        finally:
            process.terminate()
            process.wait(PATIENCE)


def make_hits(product: Product, number: int, users: str) -> list[dict[str, object]]:
    """So many hits of this moment, over all tests, each of a user of its own, whose name begins with `users`."""
    now = time.time()
    hits = []
    for index in range(number):
        test, group, variant = product.tests[index % len(product.tests)]
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - index % 3600))
        hits.append(
            {
                "test": test,
                "settings_group": group,
                "variant": variant,
                "user_id": f"{users}-{index}",
                "device_id": None,
                "split_group": index % 2400 + 1,
                "environment": "production",
                "time": f"{moment}.{index % 1_000_000:06d}+00:00",
                "forced": False,
                "test_user": False,
            }
        )
    return hits


def packed_batch(hits: list[dict[str, object]]) -> bytes:
    """A body as the SDK sends it."""
    return gzip.compress(json.dumps({"batch_id": str(uuid.uuid4()), "hits": hits}).encode(), 6)


def _environment(layout: Layout, port: int) -> dict[str, str]:
    left_out = {"DATABASE_URL", "BROKER_URL", "VAR_DIR", "WAREHOUSE_URL", "DELIVERY_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {
        "VAR_DIR": str(layout.var),
        "PORT": str(port),
        "DEMO": "0",
        "LOG_LEVEL": "WARNING",
        # One token sends everything here.
        "API_BULK_A_MINUTE": "10000000",
    }


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
