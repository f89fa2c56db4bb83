"""``python -m fuzz --seconds 300``: damage delivery folders for five minutes and say what was tried."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import sys
import time

from fuzz.folders import run

WATCHDOG_SECONDS = 60.0


def main() -> int:
    """Fuzz; an exception out of the client ends it, with the damage that caused it."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=None, help="of the first round (default: the time)")
    chosen = parser.parse_args()
    first = int(time.time()) if chosen.seed is None else chosen.seed
    # Every problem is logged, as it should be; here they would be thousands of lines.
    logging.getLogger("usersplit_sdk").setLevel(logging.CRITICAL)
    faulthandler.dump_traceback_later(chosen.seconds + WATCHDOG_SECONDS, exit=True)
    counts = run(chosen.seconds, first)
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.write(f"seed {first}, {chosen.seconds:g} s, no exception out of the client\n")
    for what, count in sorted(counts.tried.items()):
        slowest = f", the slowest {counts.slowest[what]:.3f} s" if what in counts.slowest else ""
        sys.stdout.write(f"{count:9,}  {what}{slowest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
