"""A process of its own that walks all users of a warehouse, and waits in the middle until it is told to go on."""

from __future__ import annotations

from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from audience.warehouse.duckdb_engine import DuckDBWarehouse
from core import clock
from tests.audience.catalogues import DEFAULT

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


class WalkingProcess:
    """In the middle of its walk when the constructor returns."""

    def __init__(self, store: Path) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_walk, args=(store, theirs))
        self.process.start()
        theirs.close()
        assert self._connection.recv() == "waiting"

    def ages(self) -> tuple[list[int], int]:
        """Let it go on: the ages it has met, and how many users a count finds after the walk."""
        self._connection.send("go on")
        found: tuple[list[int], int] = self._connection.recv()
        self.process.join()
        self._connection.close()
        return found


def _walk(store: Path, connection: Connection[Any, Any]) -> None:
    warehouse = DuckDBWarehouse(store, lambda: DEFAULT)
    walk = warehouse.iterate_users([], clock.now())
    ages = [next(walk).attributes["age"]]
    connection.send("waiting")
    connection.recv()
    ages += [user.attributes["age"] for user in walk]
    counted = int(warehouse.count_table([], [], clock.now()).users.sum())
    connection.send((ages, counted))
