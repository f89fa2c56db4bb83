"""`exec`: one command with a database and a broker, which are gone when it is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from usersplit.embedded.layout import Layout
from usersplit.embedded.processes import StartFailed, tied
from usersplit.embedded.servers import (
    InUse,
    connected,
    missing_servers,
    owned,
    remove_sockets,
    started,
    throwaway_layout,
)

SIGNALLED = 128  # what shells add to the number of the signal that ended a command


def execute(command: Sequence[str], var: str | None) -> int:
    """Run `command` with DATABASE_URL, BROKER_URL and VAR_DIR set; returns its exit code.

    With `var` None everything lives in a temporary folder, without the safety that costs time. With a folder whose
    product is running, its servers are used and left running.
    """
    if shutil.which(command[0]) is None:
        raise StartFailed(f"there is no program {command[0]}.")
    signals = HandedOn()
    with ExitStack() as stack:
        layout = stack.enter_context(throwaway_layout()) if var is None else Layout.of(var)
        try:
            stack.enter_context(owned(layout))
        except InUse:
            return signals.run(command, connected(layout))
        stack.callback(remove_sockets, layout)
        stack.enter_context(started(missing_servers(layout, throwaway=var is None)))
        return signals.run(command, connected(layout))


class HandedOn:
    """Signals that ask us to end go to the command; before there is one, they end us in good order."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._hand_on)

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        if self._process is None:
            # The servers that are up by then are stopped on the way out.
            raise SystemExit(SIGNALLED + number)
        if number == signal.SIGINT and os.isatty(0):
            return  # Ctrl-C reached the command too: it decides
        self._process.send_signal(number)

    def run(self, command: Sequence[str], environment: dict[str, str]) -> int:
        """Run it to its end in our own terminal session; returns its exit code as a shell would."""
        self._process = subprocess.Popen(tied(command), env=environment)
        code = self._process.wait()
        return code if code >= 0 else SIGNALLED - code
