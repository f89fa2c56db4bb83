"""A count in a process of its own, that a test can kill; it makes the codes of the warehouse if they are missing."""

from __future__ import annotations

from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
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


class CountingProcess:
    """Counts those who match all of `conditions`, each as another test; about to count when the constructor returns."""

    def __init__(self, store: Path, conditions: list[Any]) -> None:
        self._reports, sender = _CONTEXT.Pipe(duplex=False)
        self.process: ForkServerProcess = _CONTEXT.Process(target=_count, args=(store, conditions, sender))
        self.process.start()
        sender.close()
        assert self._reports.recv() == "ready"

    def kill_after(self, seconds: float) -> None:
        """SIGKILL, unless the count ends by itself before."""
        self.process.join(seconds)
        self.process.kill()
        self._close()

    def counted(self) -> list[int]:
        """Wait for the end; the users of each condition."""
        counted: list[int] = self._reports.recv()
        self._close()
        assert self.process.exitcode == 0
        return counted

    def _close(self) -> None:
        self.process.join()
        self._reports.close()


def _count(store: Path, conditions: list[Any], sender: Connection[object, object]) -> None:
    warehouse = DuckDBWarehouse(store, lambda: DEFAULT, codes_from=1)
    sender.send("ready")
    sender.send(warehouse.count_table([], conditions, clock.now()).shared.sum(axis=1).tolist())
