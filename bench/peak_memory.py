"""The most memory that a process needs which keeps all matches and counts, with and without them (Linux: from /proc)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

# Memory that is backed by files is in the peak that the kernel keeps, and out of the one that is looked at meanwhile.
PROGRAM = """
import json, sys, threading
import django
django.setup()
from pathlib import Path
from bench.audience import NOW, audience, forget_matches
from bench.many_users import CATALOGUE, conditions_of
from audience.warehouse.duckdb_engine import DuckDBWarehouse

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":")) / 1024

most, done = 0.0, threading.Event()
def watch():
    global most
    while not done.wait(0.005):
        most = max(most, status("RssAnon"))

watching = threading.Thread(target=watch)
watching.start()
warehouse = DuckDBWarehouse(Path(sys.argv[1]), lambda: CATALOGUE, codes_from=1)
others = conditions_of(int(sys.argv[2]))
forget_matches(warehouse)
warehouse.count_table(audience(), others, NOW)
warehouse.count_table(audience(), others, NOW)
forget_matches(warehouse)
warehouse.keep_matches(others, NOW)
done.set()
watching.join()
print(json.dumps([status("VmHWM"), max(most, status("RssAnon"))]))
"""


def peak_of(folder: Path, tests: int) -> tuple[float, float]:
    """MiB at the worst moment: all that is resident, and what is not pages of files."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(tests)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "usersplit.settings"},
        cwd=Path(__file__).parents[1],
    )
    resident, of_its_own = json.loads(ran.stdout)
    return resident, of_its_own
