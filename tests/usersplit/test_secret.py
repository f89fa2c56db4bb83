"""The secret key of an installation: one for all its processes, whenever they ask and whoever was killed."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from usersplit.settings import _kept_secret


def test_all_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    for attempt in range(20):
        path = tmp_path / str(attempt) / "secret_key"
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(_kept_secret, [path] * 8))
        assert len(found) == 1
        assert found == {path.read_text()}
        assert len(path.read_text()) > 50
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_file_left_by_a_killed_process_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    path.touch(0o600)
    assert _kept_secret(path) == path.read_text() != ""
