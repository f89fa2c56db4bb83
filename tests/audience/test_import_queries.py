"""`manage.py import_users` from a database, with all rejects, and what it writes into the history."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.actors import Actor
from audience.management.commands import import_users
from audience.models import UserLoad, Watermark
from audience.source_services import create_source
from audience.warehouse import get_warehouse
from tests.audience.shop_database import Shop, shop

__all__ = ["shop"]
NOON = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_users", *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def people_of_the_shop(shop: Shop) -> Shop:
    shop.make()
    shop.put(("a", "1", NOON), ("b", "x", NOON), ("c", "3", NOON + dt.timedelta(hours=1)))
    return shop


def test_a_query_is_imported_and_the_next_time_only_what_is_new(people_of_the_shop: Shop) -> None:
    options = ["--database", people_of_the_shop.address, "--query", people_of_the_shop.query]
    assert "added:     2" in run(*options, "--changed-at", "changed", "--name", "shop")
    report = run(*options, "--changed-at", "changed", "--name", "shop")
    assert "rows read: 1\n" in report
    assert "read from: 2026-10-01 12:50:00+00:00" in report
    assert "rows read: 3\n" in run(*options, "--changed-at", "changed", "--name", "shop", "--from-start")
    assert "rows read: 3\n" in run(*options)
    assert [load.title for load in UserLoad.objects.all()] == ["query", "shop", "shop", "shop"]


def test_the_address_can_stand_in_the_environment(
    people_of_the_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP", people_of_the_shop.address)
    assert "added:     2" in run("--database", "SHOP", "--query", people_of_the_shop.query)
    with pytest.raises(CommandError, match="--database: the environment variable NOWHERE is not set"):
        run("--database", "NOWHERE", "--query", "SELECT 1")


def test_a_source_of_the_console_can_be_imported_by_hand(
    people_of_the_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_SHOP", people_of_the_shop.address)
    source = create_source(
        Actor.machine("test"), name="shop", database_variable="SOURCE_SHOP", query=people_of_the_shop.query
    )
    assert "added:     2" in run("--source", "shop")
    assert UserLoad.objects.get().source == source
    with pytest.raises(CommandError, match="is a source of the console"):
        run("--database", "SOURCE_SHOP", "--query", "SELECT 1", "--changed-at", "x", "--name", "shop")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say where the users come from"),
        (["x.csv", "--source", "shop"], "Say where the users come from"),
        (["--database", "SHOP"], "--database goes with --query"),
        (["x.csv", "--query", "SELECT 1"], "--query goes with --database"),
        (["--database", "SHOP", "--query", "SELECT 1", "--changed-at", "x"], "--changed-at goes with --name"),
        (["--source", "nothing"], "there is no source 'nothing'"),
        (["x.csv", "--from-start"], "--from-start goes with"),
    ],
)
def test_options_that_do_not_go_together_are_named(db: None, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_replacing_everybody_has_sources_read_from_their_beginning(
    people_of_the_shop: Shop, tmp_path: Path
) -> None:
    options = ["--database", people_of_the_shop.address, "--query", people_of_the_shop.query]
    run(*options, "--changed-at", "changed", "--name", "shop")
    (tmp_path / "users.csv").write_text("id\nz\n")
    run(str(tmp_path / "users.csv"), "--replace")
    assert not Watermark.objects.exists()
    assert "added:     2" in run(*options, "--changed-at", "changed", "--name", "shop")


def test_every_rejected_row_is_written_in_the_order_of_the_lines(db: None, tmp_path: Path) -> None:
    users, rejects = tmp_path / "users.csv", tmp_path / "rejects.csv"
    users.write_text(
        "id,age\n" + "".join(f"{number % 900},{number if number % 7 else 'x'}\n" for number in range(1000))
    )
    report = run(str(users), "--rejects", str(rejects))
    rows = list(csv.reader(rejects.read_text().splitlines()))
    lines = [int(line) for line, _ in rows[1:]]
    bad = {number + 2 for number in range(1000) if number % 7 == 0}
    repeated = {number + 2 for number in range(900, 1000) if number % 7 and (number - 900) % 7}
    assert rows[0] == ["line", "reason"]
    assert lines == sorted(bad | repeated)
    assert f"rejected:  {len(lines)}" in report
    assert dict(rows)["903"] == 'user "1" was on line 3 already'
    assert [path.name for path in tmp_path.iterdir() if "rejects" in path.name] == ["rejects.csv"]


def test_rejects_that_cannot_be_written_are_said_before_anything_is_loaded(db: None, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id\n1\n")
    with pytest.raises(CommandError, match=r"--rejects: rejects\.csv cannot be written"):
        run(str(tmp_path / "users.csv"), "--rejects", str(tmp_path / "nowhere" / "rejects.csv"))
    assert get_warehouse().user_count() == 0


def test_a_failed_import_is_in_the_history_with_its_words(db: None, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("x\n1\n")
    with pytest.raises(CommandError):
        run(str(tmp_path / "users.csv"))
    load = UserLoad.objects.get()
    assert (load.title, load.actor_name, load.state) == ("users.csv", "Command line", "failed")
    assert "id: say which column" in load.error


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_says_how_far_and_how_fast(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(import_users, "PLAIN_SECONDS", 0.0)
    with import_users.Progress("users.csv") as progress:
        progress(50_000, 0.25)
        progress(60_000, None)
    first, second = screen.getvalue().strip().split("\r" if terminal else "\n")[-2:]
    assert first.startswith("users.csv: 50,000 rows read, 25%, ")
    assert rows_per_second(first) > 0
    assert "%" not in second


def rows_per_second(line: str) -> int:
    return int(line.rstrip().rpartition("%, ")[2].removesuffix(" rows/s").replace(",", ""))
