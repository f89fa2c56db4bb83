"""One child process: tied to our life, ready when it says so, stopped in the way it likes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from usersplit.embedded.layout import ROOT

LOG_LIMIT = 5_000_000
_console = threading.Lock()


class StartFailed(RuntimeError):
    """A child could not be started; the message says which, and what it said."""


class Child:
    """A program we run. Subclasses say how to prepare it and when it is ready.

    `log` is the file it writes to; without one its lines go to our standard output, prefixed with its name.
    Always start children from the main thread: the kernel ties their life to the *thread* that made them.
    """

    #: (signal, seconds to wait after it) from polite to rude; a KILL to the whole process group comes last.
    stop_signals: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)
    #: what the kernel sends the child when we die without having stopped it.
    orphan_signal = "TERM"
    #: seconds until it must be ready
    patience = 30.0
    cwd = ROOT

    def __init__(
        self, name: str, environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        self.name = name
        self.environment = dict(os.environ if environment is None else environment)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def privileges(self) -> list[str]:
        """Arguments for `setpriv` that change who runs it."""
        return []

    def prepare(self) -> None:
        """Called before every start."""

    def is_ready(self) -> bool:
        """Whether it does its job now; for most, running is enough."""
        return self.is_running()

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches us alone and we decide the order."""
        self.prepare()
        command = tied(self.command(), self.orphan_signal, self.privileges())
        with open_log(self.log) as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self.process.stdout is not None:
            threading.Thread(target=self._copy_lines, args=(self.process.stdout,), daemon=True).start()

    def _copy_lines(self, stream: IO[bytes]) -> None:
        for line in stream:
            say(line.decode(errors="replace").rstrip("\n"), self.name)

    def wait_until_ready(self, keep_waiting: Callable[[], bool] = lambda: True) -> None:
        """Wait until it is ready; raises StartFailed when it ends or takes longer than its patience."""
        deadline = time.monotonic() + self.patience
        while keep_waiting():
            if self.is_ready():
                return
            if not self.is_running():
                code = self.process.returncode if self.process is not None else None
                raise StartFailed(f"{self.name} ended with {code} instead of starting.{self._last_words()}")
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"{self.name} was not ready after {self.patience:.0f} seconds.{self._last_words()}"
                )
            time.sleep(0.02)

    def _last_words(self) -> str:
        if self.log is None or not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()[-8:]
        return f" The end of {self.log}:\n" + "\n".join(f"    {line}" for line in lines)

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop it and whatever it left behind; `hurry` is asked meanwhile whether to skip being polite."""
        if self.process is None:
            return
        for number, seconds in self.stop_signals:
            if self._ends_by(number, seconds, hurry):
                break
        self.sweep()

    def _ends_by(self, number: signal.Signals, seconds: float, hurry: Callable[[], bool]) -> bool:
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline or hurry():
                return False
            time.sleep(0.02)
        return True

    def sweep(self) -> None:
        """Kill what is left of its process group, so that nothing of a dead child goes on working."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def tied(command: Sequence[str], orphan_signal: str = "TERM", privileges: Sequence[str] = ()) -> list[str]:
    """`command` so that the kernel sends it a signal when we die (where there is `setpriv`: on Linux)."""
    setpriv = shutil.which("setpriv")
    if setpriv is None or not sys.platform.startswith("linux"):
        return list(command)
    return [setpriv, f"--pdeathsig={orphan_signal}", *privileges, "--", *command]


def open_log(path: Path | None) -> IO[bytes] | _NoLog:
    """The log opened for appending; the last one is kept beside it once it has grown large."""
    if path is None:
        return _NoLog()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".old.log"))
    return path.open("ab")


class _NoLog:
    """Stands for a log file where there is none."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def say(line: str, name: str = "usersplit") -> None:
    """One line on standard output under the name of who says it; lines of two children never mix."""
    with _console, suppress(BrokenPipeError):
        print(f"{name:<9} | {line}", flush=True)
