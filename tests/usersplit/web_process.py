"""The product's web server in processes of its own, on this test's database."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.usersplit.product import free_port
from tests.waiting import wait_until
from tests.workers import ROOT, process_environment


@contextlib.contextmanager
def web_server(log: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Start granian as `make run` does, answer its address when it is ready, and end it."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "usersplit.wsgi:application",
        "--host",
        "127.0.0.1",
    ]
    command += ["--port", str(port), "--workers", "1", "--blocking-threads", "4", "--log-level", "warning"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=process_environment()
            | {"STATIC_STORAGE": "django.contrib.staticfiles.storage.StaticFilesStorage"}
            | dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: _answers(port) or process.poll() is not None, "the web server answers", 120)
        assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
