"""Children are kept alive, started again later and later, and leave nothing when they go."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from usersplit.embedded.processes import Child, StartFailed
from usersplit.embedded.supervisor import GIVE_UP_AFTER, LONGEST_PAUSE, Supervisor, pause_after


class Shell(Child):
    """A child that runs a line of shell."""

    stop_signals = ((signal.SIGTERM, 5.0),)

    def __init__(self, line: str, log: Path) -> None:
        super().__init__("shell", log=log)
        self.line = line

    def command(self) -> list[str]:
        return ["/bin/sh", "-c", self.line]


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log" / "shell.log"


@pytest.fixture
def sleeper(log: Path) -> Iterator[Shell]:
    child = Shell("exec sleep 60", log)
    child.start()
    yield child
    child.stop()


def kill(child: Child) -> None:
    assert child.process is not None
    child.process.kill()
    child.process.wait()


def test_a_child_that_dies_is_started_again_after_its_pause(sleeper: Shell) -> None:
    clock = Clock()
    supervisor = Supervisor(clock)
    supervisor.was_up = True
    supervisor.add([sleeper])
    first = sleeper.pid
    kill(sleeper)

    supervisor.check()
    assert not sleeper.is_running()
    clock.now += pause_after(1)
    supervisor.check()

    assert sleeper.is_running()
    assert sleeper.pid != first


def test_pauses_grow_and_stay_bounded() -> None:
    pauses = [pause_after(failures) for failures in range(1, 20)]

    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert pauses[-1] == LONGEST_PAUSE


def test_a_child_that_never_comes_up_ends_the_start(log: Path) -> None:
    clock = Clock()
    child = Shell("exit 3", log)
    child.start()
    supervisor = Supervisor(clock)
    supervisor.add([child])

    def once_more() -> None:
        wait_until(lambda: not child.is_running(), "the child has ended")
        supervisor.check()
        clock.now += LONGEST_PAUSE - 1
        supervisor.check()

    for _ in range(GIVE_UP_AFTER - 1):
        once_more()
    with pytest.raises(StartFailed, match=f"shell ended {GIVE_UP_AFTER} times in a row"):
        once_more()


def test_what_a_dead_child_left_behind_is_killed(log: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = Shell(f"sleep 60 & echo $! > {note}.new; mv {note}.new {note}; wait", log)
    child.start()
    wait_until(note.exists, "the grandchild has started")
    grandchild = int(note.read_text())

    kill(child)
    child.sweep()

    wait_until(lambda: not _lives(grandchild), "the grandchild has ended")


def test_a_child_that_will_not_listen_is_killed(log: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    child = Shell(f"trap '' TERM; touch {ready}; while :; do sleep 1; done", log)
    child.stop_signals = ((signal.SIGTERM, 0.2),)
    child.start()
    wait_until(ready.exists, "the trap is set")

    child.stop()

    assert not child.is_running()


def test_a_failed_start_shows_what_the_child_said_last(log: Path) -> None:
    child = Shell("echo the disk is full >&2; exit 3", log)
    child.is_ready = lambda: False  # type: ignore[method-assign]
    child.start()

    with pytest.raises(StartFailed, match=r"(?s)shell ended with 3 .* the disk is full"):
        child.wait_until_ready()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"
