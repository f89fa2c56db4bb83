"""A disk that is full while users are loaded: said in words, and the users of before stay."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audience.loading import load_users
from audience.warehouse import get_warehouse
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import DEFAULT
from tests.audience.loading_process import LoadingProcess


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


@pytest.mark.parametrize("largest_file", [16_384, 300_000, 600_000])
def test_a_disk_that_fills_up_in_the_middle_of_a_load_changes_nothing(
    tmp_path: Path, largest_file: int
) -> None:
    users = tmp_path / "users.csv"
    users.write_text("id,age\n1,20\n")
    warehouse = DuckDBWarehouse(tmp_path / "store", lambda: DEFAULT)
    load_users(users, warehouse=warehouse, catalogue=DEFAULT)
    version = warehouse.version()
    source = random.Random(5)
    users.write_text(
        "id,age\n" + "".join(f"{source.getrandbits(64):x},{source.randrange(100)}\n" for _ in range(60_000))
    )

    words = LoadingProcess(tmp_path / "store", users, largest_file=largest_file).refused()
    assert "could not carry this out" in words
    assert "File too large" in words
    assert (warehouse.version(), warehouse.user_count()) == (version, 1)

    assert load_users(users, warehouse=warehouse, catalogue=DEFAULT).added == 60_000
    assert warehouse.user_count() == 60_001
    assert not list((tmp_path / "store").glob("staging-*"))
