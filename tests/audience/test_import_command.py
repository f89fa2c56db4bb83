"""`manage.py import_users`, as people run it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audience.warehouse import get_warehouse


def run(path: Path, *arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_users", str(path), *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path, db: None) -> Path:
    path = tmp_path / "users.csv"
    path.write_text("player,years,shoe_size,language\n1,30,42,de\n2,x,42,de\n3,40,42,fr\n")
    return path


def test_the_report_names_numbers_bad_lines_and_ignored_columns(file: Path) -> None:
    report = run(file, "--id", "player", "--map", "age=years")
    assert "filters:   age (from years), language" in report
    assert "ignored:   shoe_size" in report
    assert 'line 3: years must be a whole number, not "x"' in report
    for line in ("rows read: 3", "added:     2", "changed:   0", "rejected:  1"):
        assert line in report
    assert get_warehouse().user_count() == 2


def test_a_second_run_changes_nothing(file: Path) -> None:
    run(file, "--id", "player", "--map", "age=years")
    assert "added:     0\nchanged:   0\nunchanged: 2\n" in run(file, "--id", "player", "--map", "age=years")


def test_replace_says_how_many_went(file: Path, tmp_path: Path) -> None:
    run(file, "--id", "player")
    (tmp_path / "new.csv").write_text("id\n1\n")
    assert "removed:   2" in run(tmp_path / "new.csv", "--replace")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--id: say which column holds the user ids"),
        (["--id", "user"], '--id: there is no column "user"'),
        (["--id", "player", "--split-group", "sg"], '--split-group: there is no column "sg"'),
        (["--id", "player", "--map", "age"], "--map: must be FILTER=COLUMN"),
        (["--id", "player", "--map", "aage=years"], '--map: there is no filter "aage"'),
        (["--id", "player", "--map", "age=years", "--map", "age=shoe_size"], "mapped twice"),
    ],
)
def test_wrong_options_are_named(file: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(file, *arguments)
    assert get_warehouse().user_count() == 0


def test_a_missing_file_is_named(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="FILE: cannot be opened"):
        run(tmp_path / "nothing.csv")


def test_a_folder_that_cannot_be_written_is_an_error_in_words(
    file: Path, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "in_the_way").write_text("")
    settings.WAREHOUSE_URL = f"duckdb://{tmp_path / 'in_the_way' / 'store'}"
    with pytest.raises(CommandError, match="cannot be written"):
        run(file, "--id", "player")
