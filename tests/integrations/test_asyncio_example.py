"""The asyncio example stores its hits in the PostgreSQL that runs here, also when that goes away for a while."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from django.db import connection

from tests.event_loops import run_async
from tests.integrations.delivered import deliver
from tests.integrations.files import BUTTON
from tests.workers import database_url
from usersplit_sdk import AsyncClient, Batching, Environment, Problem, User

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "asyncio_hits.py"


@pytest.fixture
def database(transactional_db: None) -> Iterator[str]:
    """The address of the test database, in which the example makes its table."""
    yield database_url()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS split_test_hits")


@pytest.fixture
def example() -> ModuleType:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("example_asyncio_hits", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored() -> dict[str, int]:
    """Rows by user (by device, for guests)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(user_id, device_id), count(*) FROM split_test_hits GROUP BY 1")
        return dict(cursor.fetchall())


def test_ten_thousand_visitors_leave_ten_thousand_rows(database: str, tmp_path: Path) -> None:
    """Run as its first lines say; every split group has a variant, so that nobody is left out."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "10000"],
        env={**os.environ, "DATABASE_URL": database, "DELIVERY_DIR": str(deliver(tmp_path / "delivery"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, dropped, *variants = done.stdout.splitlines()
    assert first.startswith("10000 visitors, ")
    assert dropped == "0 hits were dropped"
    assert [line.partition(":")[0] for line in variants] == ["control", "green"]
    assert stored() == {f"user-{number}": 1 for number in range(10_000)}


def test_hits_outlive_a_connection_that_the_server_ends(database: str, example: ModuleType) -> None:
    """The batch of that moment comes again, and none of it is there twice."""
    sink = example.PostgresHits(database)
    told: list[Problem] = []

    async def run() -> None:
        client = AsyncClient.from_documents(
            [BUTTON], hits=sink, batching=Batching(size=100, seconds=0, limit=200), on_error=told.append
        )
        async with client:
            for number in range(600):
                await client.get_active_variant("green_button", User(str(number), 7))
                if number in (250, 450):
                    await cut()
        assert client.dropped_hits == 0

    async def cut() -> None:
        pid = sink._connection.info.backend_pid
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as other:
            await other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    run_async(run())
    assert stored() == {str(number): 1 for number in range(600)}
    assert told


def test_what_the_database_cannot_hold_does_not_keep_out_the_rest(database: str, example: ModuleType) -> None:
    """A device id is a cookie: anybody can put a NUL there, which PostgreSQL has no text for."""

    async def run() -> int:
        client = AsyncClient.from_documents(
            [BUTTON], hits=example.PostgresHits(database), batching=Batching(size=50, seconds=0)
        )
        async with client:
            for number in range(300):
                device = "a\0b" if number == 60 else f"device-{number}"
                await client.get_active_variant("green_button", None, Environment(device, split_group=7))
            while not client.dropped_hits:
                number += 1
                await client.get_active_variant(
                    "green_button", None, Environment(f"device-{number}", split_group=7)
                )
                await asyncio.sleep(0.01)
        assert client.dropped_hits == 1
        return number

    last = run_async(run())
    assert stored() == {f"device-{number}": 1 for number in range(last + 1) if number != 60}
