"""Whatever was killed, and whatever it left lying about, the next start works and has the data."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.waiting import wait_until
from usersplit.embedded.layout import Layout
from usersplit.embedded.postgres import Postgres
from usersplit.embedded.processes import StartFailed
from usersplit.embedded.redis import Redis
from usersplit.embedded.servers import remove_sockets


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout.of(tmp_path)
    yield layout
    if layout.sockets.exists():
        remove_sockets(layout)


def started(layout: Layout) -> Postgres:
    server = Postgres(layout)
    server.start()
    server.wait_until_ready()
    return server


def test_a_killed_database_comes_back_with_what_was_committed(layout: Layout) -> None:
    server = started(layout)
    with psycopg.connect(layout.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.sweep()

    server = started(layout)

    try:
        with psycopg.connect(layout.database_url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (42,)
    finally:
        server.stop()


def test_a_pid_file_that_names_somebody_else_is_no_running_server(layout: Layout) -> None:
    started(layout).stop()
    (layout.database / "postmaster.pid").write_text(
        f"{os.getpid()}\n{layout.database}\n0\n5432\n\n\n  1 2\nready\n"
    )

    server = started(layout)

    assert server.is_ready()
    server.stop()


def test_a_server_that_nobody_watches_is_ended_first(layout: Layout) -> None:
    forgotten = started(layout)

    server = started(layout)

    try:
        wait_until(lambda: not forgotten.is_running(), "the forgotten server has ended")
        assert server.is_ready()
    finally:
        server.stop()


def test_a_first_start_that_was_killed_starts_over(layout: Layout) -> None:
    half_made = layout.var / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")

    server = started(layout)

    assert not half_made.exists()
    server.stop()


def test_data_of_a_version_that_is_not_installed_is_left_alone(layout: Layout) -> None:
    layout.database.mkdir()
    (layout.database / "PG_VERSION").write_text("9\n")

    with pytest.raises(StartFailed, match="was written by PostgreSQL 9; installed is"):
        Postgres(layout).start()


def test_a_killed_broker_keeps_its_queues(layout: Layout) -> None:
    server = Redis(layout)
    server.start()
    server.wait_until_ready()
    assert server._ask(b"RPUSH queue work\r\n") == b":1\r\n"
    wait_until(lambda: b"work" in _appended(layout), "the work is in it")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.sweep()

    server.start()
    server.wait_until_ready()

    try:
        assert server._ask(b"LRANGE queue 0 -1\r\n") == b"*1\r\n$4\r\nwork\r\n"
    finally:
        server.stop()


def _appended(layout: Layout) -> bytes:
    return b"".join(path.read_bytes() for path in layout.broker.rglob("*.aof"))
