"""What a process keeps, and what it forgets."""

from __future__ import annotations

from core.kept import Kept


def test_what_nobody_asked_for_in_the_longest_time_goes_first() -> None:
    kept: Kept[str, int] = Kept(most=2)
    kept.keep({"a": 1, "b": 2})
    assert kept.among(["a", "c"]) == {"a": 1}
    kept.keep({"c": 3})
    assert len(kept) == 2
    assert kept.among("abc") == {"a": 1, "c": 3}


def test_what_is_kept_anew_is_the_newest() -> None:
    kept: Kept[str, int] = Kept(most=2)
    kept.keep({"a": 1, "b": 2})
    kept.keep({"a": 4})
    kept.keep({"c": 3})
    assert kept.among("abc") == {"a": 4, "c": 3}
