"""The recipes for users who are there already, as they stand in the example, on the real PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from tests.integrations.test_django_fields import FAIR, ROWS, chi_square

RECIPES = (Path(__file__).resolve().parent.parent.parent / "examples" / "split_groups.sql").read_text()


def parts() -> list[str]:
    """The introduction, then what stands under each heading."""
    return [part.partition("\n")[2] if number else part for number, part in enumerate(RECIPES.split("-- =="))]


@pytest.fixture
def _users(db: None) -> None:
    run("CREATE TABLE users (id bigint PRIMARY KEY)")
    add_users(1, ROWS)


def run(statements: str) -> int:
    """Run them; answers how many rows the last one changed."""
    with connection.cursor() as cursor:
        for statement in filter(str.strip, statements.split(";")):
            cursor.execute(statement)
        return int(cursor.rowcount)


def add_users(first: int, last: int) -> None:
    run(f"INSERT INTO users SELECT * FROM generate_series({first}, {last})")


def numbers(first: int = 1) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT split_group FROM users WHERE id >= %s ORDER BY id", [first])
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.usefixtures("_users")
def test_in_one_statement() -> None:
    run(parts()[1])
    add_users(ROWS + 1, 2 * ROWS)
    assert chi_square(numbers()) < FAIR
    assert chi_square(numbers(ROWS + 1)) < FAIR
    with pytest.raises(IntegrityError), transaction.atomic():
        run("INSERT INTO users VALUES (0, 2401)")


@pytest.mark.usefixtures("_users")
def test_in_batches() -> None:
    _, _, prepare, batch, finish = parts()
    run(prepare)
    add_users(ROWS + 1, 2 * ROWS)
    later = numbers(ROWS + 1)
    changed = []
    while rows := run(batch):
        changed.append(rows)
    assert changed == [10_000, 10_000, 10_000, 10_000, ROWS - 40_000]
    run(finish)
    assert chi_square(numbers()) < FAIR
    assert numbers(ROWS + 1) == later
    assert chi_square(later) < FAIR
    for wrong in ("0, 2401", "0, NULL"):
        with pytest.raises(IntegrityError), transaction.atomic():
            run(f"INSERT INTO users VALUES ({wrong})")


@pytest.mark.usefixtures("_users")
def test_the_trap_it_warns_of() -> None:
    [trap] = [line.strip("- ") for line in RECIPES.splitlines() if "(SELECT 1" in line]
    run("ALTER TABLE users ADD COLUMN split_group smallint")
    run(trap)
    assert len(set(numbers())) == 1


def test_sqlites_words() -> None:
    [words] = [
        line.partition("SQLite: ")[2].rstrip(".") for line in RECIPES.splitlines() if "SQLite: " in line
    ]
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE users (id integer PRIMARY KEY, split_group integer)")
        database.executemany("INSERT INTO users (id) VALUES (?)", [(number,) for number in range(ROWS)])
        database.execute(f"UPDATE users SET split_group = {words}")
        drawn = [row[0] for row in database.execute("SELECT split_group FROM users")]
    database.close()
    assert chi_square(drawn) < FAIR
