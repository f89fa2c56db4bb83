"""A disk that is full while users are loaded: said in words, and the users of before stay."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audience.warehouse import get_warehouse


@pytest.mark.django_db
def test_a_full_disk_is_said_so_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("id,age\n1,20\n")
    second.write_text("id,age\n1,21\n2,30\n")
    call_command("import_users", str(first), verbosity=0)
    version = get_warehouse().version()

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("audience.warehouse.duckdb_store.sync", full)
    with pytest.raises(CommandError, match="No space left"):
        call_command("import_users", str(second), verbosity=0)

    assert (get_warehouse().version(), get_warehouse().user_count()) == (version, 1)
