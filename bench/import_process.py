"""One import in a process of its own: `python -m bench.import_process FOLDER FILE` prints what it took, as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import django


def main(folder: str, file: str) -> None:
    """Load `file` into the warehouse in `folder`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usersplit.settings")
    django.setup()
    from audience.loading import load_users  # noqa: PLC0415 - needs Django
    from audience.warehouse.duckdb_engine import DuckDBWarehouse  # noqa: PLC0415
    from bench.many_users import CATALOGUE  # noqa: PLC0415

    started, worked = time.monotonic(), time.process_time()
    report = load_users(
        Path(file), warehouse=DuckDBWarehouse(Path(folder), lambda: CATALOGUE), catalogue=CATALOGUE
    )
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - started,
                "processor_seconds": time.process_time() - worked,
                "peak_bytes": peak_bytes(),
                "added": report.added,
                "changed": report.changed,
                "rejected": report.rejected,
            }
        )
    )


def peak_bytes() -> int:
    """The most memory this process has had at once, DuckDB's included."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
