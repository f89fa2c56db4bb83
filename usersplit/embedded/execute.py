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
    with ExitStack() as stack:
        layout = stack.enter_context(throwaway_layout()) if var is None else Layout.of(var)
        try:
            stack.enter_context(owned(layout))
        except InUse:
            return run_command(command, connected(layout))
        stack.callback(remove_sockets, layout)
        stack.enter_context(started(missing_servers(layout, throwaway=var is None)))
        return run_command(command, connected(layout))


def run_command(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run it in our own terminal session, handing on what asks us to end."""
    process = subprocess.Popen(tied(command), env=environment)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    def wait_for_it(_number: int, _frame: FrameType | None) -> None:
        """Ctrl-C reached the command too: it decides."""

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, hand_on),
        signal.SIGHUP: signal.signal(signal.SIGHUP, hand_on),
        signal.SIGINT: signal.signal(signal.SIGINT, hand_on if not os.isatty(0) else wait_for_it),
    }
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else SIGNALLED - code
