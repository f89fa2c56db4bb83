"""`make bench`: every part, or those named: `python -m bench decisions start`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

PARTS = {
    "decisions": "bench.decisions",
    "start": "bench.start",
    "peers": "bench.peers.table",
    "asyncio": "bench.event_loop",
    "audience": "bench.audience",
    "growth": "bench.growth",
    "imports": "bench.imports",
    "simulation": "bench.simulation",
    "preparation": "bench.preparation",
    "ingestion": "bench.ingestion",
    "ingestion-kills": "bench.ingestion_kills",
    "stored-hits": "bench.stored_hits",
    "pages": "bench.pages",
}
"""By name, so that a part's imports are its own business."""

NEED_DJANGO = frozenset({"audience", "growth", "imports", "preparation"})


def main(names: Sequence[str]) -> None:
    """Print each part as soon as it is measured."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(f"No part is called {', '.join(unknown)}; there are {', '.join(PARTS)}.")
    for name in names or PARTS:
        if name in NEED_DJANGO:
            _set_django_up()
        print(importlib.import_module(PARTS[name]).run(), end="\n\n", flush=True)


def _set_django_up() -> None:
    import django  # noqa: PLC0415 - the other parts run without it

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "usersplit.settings")
    django.setup()


if __name__ == "__main__":
    main(sys.argv[1:])
