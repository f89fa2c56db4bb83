"""The bench of imports, in a small size. In full: `python -m bench imports`."""

from __future__ import annotations

import pytest

from bench import imports


def test_imports_stay_small_and_killed_ones_end_as_undisturbed_ones_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("USERS", 6_000), ("KILLED_USERS", 3_000), ("KILLS", 2)):
        monkeypatch.setattr(imports, name, value)
    report = imports.run()
    assert "Importing 6,000 users" in report
    assert report.count("GB at most") == 3
    assert "NOT MET" not in report
