"""The product under load, its web server, its worker and its database killed in turn: every hit is counted, once.

`python -m bench ingestion-kills` does the same for longer and prints the counts.
"""

from __future__ import annotations

from pathlib import Path

from bench.ingestion_kills import VICTIMS, killed_under_load
from bench.ingestion_product import running_product


def test_no_hit_is_lost_or_doubled_when_parts_are_killed_under_load(tmp_path: Path) -> None:
    with running_product(tmp_path / "output.log", only_hits=True, tests=2) as product:
        outcome = killed_under_load(product, rounds=1, threads=2, batch=50)
    assert outcome.kills == dict.fromkeys(VICTIMS, 1)
    assert outcome.failures > 0
    assert outcome.duplicates > 0
    assert outcome.is_exact, outcome
