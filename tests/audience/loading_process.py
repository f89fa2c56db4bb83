"""A load in a process of its own, that a test can kill. Preloaded into the fork server, so that a process starts at once."""

from __future__ import annotations

import resource
import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from audience.loading import load_users
from audience.warehouse import WarehouseError
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import CATALOGUES

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


class LoadingProcess:
    """Loads `file` into the warehouse in `store`; started and about to load when the constructor returns.

    `catalogue` is one of CATALOGUES. No file may grow beyond `largest_file` bytes: to the load this is a disk that is full.
    """

    def __init__(
        self, store: Path, file: Path, *, catalogue: str = "default", largest_file: int | None = None
    ) -> None:
        self._reports, sender = _CONTEXT.Pipe(duplex=False)
        self.process: ForkServerProcess = _CONTEXT.Process(
            target=_load, args=(store, file, catalogue, largest_file, sender)
        )
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

    def refused(self) -> str:
        """Wait for the end; the words in which the warehouse refused the load."""
        words = self._reports.recv()
        self._close()
        assert isinstance(words, str)
        return words

    def _close(self) -> None:
        self.process.join()
        self._reports.close()


def _load(
    store: Path, file: Path, name: str, largest_file: int | None, sender: Connection[object, object]
) -> None:
    catalogue = CATALOGUES[name]
    warehouse = DuckDBWarehouse(store, lambda: catalogue)
    if largest_file is not None:
        # The kernel's signal would kill the process; without it a write fails, as it does on a full disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    sender.send("ready")
    try:
        sender.send(load_users(file, warehouse=warehouse, catalogue=catalogue).added)
    except WarehouseError as error:
        sender.send(error.detail)
