"""The benchmark of stored hits runs, at a size that says nothing about speed; what it counts is compared with a scan."""

from __future__ import annotations

import pytest

from analytics.store.files import FileStore
from bench import stored_hits


@pytest.mark.django_db
def test_questions_are_timed_against_a_scan_of_the_same_files() -> None:
    measured = stored_hits.measure(hits=3_000, rounds=1)
    text = stored_hits.as_text(measured)
    assert (
        f"3,000 stored hits of 5 settings groups over 14 days, 600 events: {stored_hits.DAYS} files" in text
    )
    for row in (stored_hits.SCAN, stored_hits.COUNTED, "outcomes of one group, 20 events", "merged (once)"):
        assert f"\n  {row:<62} " in text


@pytest.mark.django_db
def test_nothing_is_timed_that_counts_otherwise_than_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileStore, "count_users", lambda *arguments: [])
    with pytest.raises(SystemExit, match="nothing was timed"):
        stored_hits.measure(hits=3_000, rounds=1)
