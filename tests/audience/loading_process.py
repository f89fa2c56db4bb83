"""A load in a process of its own, that a test can kill. Preloaded into the fork server, so that a process starts at once."""

from __future__ import annotations

from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from audience.loading import load_users
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import DEFAULT

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


class LoadingProcess:
    """Loads `file` into the warehouse in `store`; started and about to load when the constructor returns."""

    def __init__(self, store: Path, file: Path) -> None:
        self._reports, sender = _CONTEXT.Pipe(duplex=False)
        self.process: ForkServerProcess = _CONTEXT.Process(target=_load, args=(store, file, sender))
        self.process.start()
        sender.close()
        assert self._reports.recv() == "ready"

    def kill_after(self, seconds: float) -> None:
        """SIGKILL, unless the load ends by itself before."""
        self.process.join(seconds)
        self.process.kill()
        self._close()

    def added(self) -> int:
        """Wait for the end; the number of users added."""
        added: int = self._reports.recv()
        self._close()
        assert self.process.exitcode == 0
        return added

    def _close(self) -> None:
        self.process.join()
        self._reports.close()


def _load(store: Path, file: Path, sender: Connection[object, object]) -> None:
    warehouse = DuckDBWarehouse(store, lambda: DEFAULT)
    sender.send("ready")
    sender.send(load_users(file, warehouse=warehouse, catalogue=DEFAULT).added)
