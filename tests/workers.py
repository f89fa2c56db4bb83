"""Real Celery workers in processes of their own, on the test database, that end with the test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from celery import _state, current_app
from django.conf import settings
from django.db import connection
from kombu import Connection

from usersplit.celery import app

ROOT = Path(__file__).resolve().parent.parent


def database_url() -> str:
    """The test database as another process reaches it."""
    values = connection.settings_dict
    where = {"host": values["HOST"], "port": values["PORT"]}
    query = urlencode({name: value for name, value in where.items() if value})
    login = quote(values["USER"]) + (f":{quote(values['PASSWORD'])}" if values["PASSWORD"] else "")
    return f"postgresql://{login}@/{values['NAME']}?{query}"


def process_environment() -> dict[str, str]:
    """What another process of the product needs to work on this test's database, broker and folders."""
    return os.environ | {
        "DATABASE_URL": database_url(),
        "BROKER_URL": str(app.conf.broker_url),
        "WAREHOUSE_URL": settings.WAREHOUSE_URL,
        "DELIVERY_DIR": str(settings.DELIVERY_DIR),
        "VAR_DIR": str(settings.VAR_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "usersplit.settings",
        "LOG_LEVEL": "WARNING",
    }


class WorkerProcess:
    """One `celery worker` and its children, in a process group of its own."""

    def __init__(
        self,
        log: Path,
        name: str,
        *,
        concurrency: int = 1,
        beat: bool = False,
        queues: str = "",
        application: str = "usersplit",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        arguments = [
            "worker",
            "--concurrency",
            str(concurrency),
            "--hostname",
            f"{name}@test",
            "--loglevel",
            "WARNING",
        ]
        arguments += ["--without-gossip", "--without-mingle"]
        if queues:
            arguments += ["--queues", queues]
        if beat:
            arguments += ["--beat", "--schedule", str(log.with_suffix(".schedule"))]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", application, *arguments],
                cwd=ROOT,
                env=process_environment() | dict(environment or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9, the children too: nothing gets to say goodbye."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Let it finish what it does; then make sure."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.kill()


@contextlib.contextmanager
def another_application() -> Iterator[None]:
    """Around a Celery application that is not the product's, and a worker for it within this process.

    Both make it the application of the whole process, and leave it so: what later tests of the product send would go to
    its broker, where nobody fetches it.
    """
    current, default = _state.get_current_app(), _state.default_app  # type: ignore[attr-defined]
    try:
        yield
    finally:
        _state._set_current_app(current)  # type: ignore[attr-defined]
        _state.set_default_app(default)


@pytest.fixture
def start_worker(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start workers on an empty queue; all end with the test."""
    assert current_app.main == app.main, "what is sent now goes to another application's broker"
    with Connection(app.conf.broker_url) as broker:
        broker.default_channel.client.flushdb()  # type: ignore[attr-defined]  # of Redis's channel
    started: list[WorkerProcess] = []

    def start(**options: Any) -> WorkerProcess:
        name = f"worker{len(started)}"
        worker = WorkerProcess(tmp_path / f"{name}.log", name, **options)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.stop()
        # Shown with a test that failed: why a worker did not do what was waited for.
        print(f"{worker.log.name}: {worker.log.read_text(errors='replace')[-3_000:]}")


@pytest.fixture(autouse=True, scope="session")
def _own_broker_database() -> None:
    """Test processes side by side share one Redis; each has a database of it, so that their queues never mix."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
    url = str(settings.BROKER_URL)
    own = (
        f"{url}?virtual_host={number}"
        if url.startswith("redis+socket")
        else f"{url.rpartition('/')[0]}/{number}"
    )
    app.conf.update(broker_url=own)
