"""However many users a walk meets, it holds a few thousand of them. WALKED_USERS makes the warehouse larger."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from accounts.actors import Actor
from audience.loading import load_users
from experiments.member_files import csv_pieces, json_pieces, write_parquet
from experiments.members import MemberWalk, users_in
from tests.factories import make_experiment

USERS = int(os.environ.get("WALKED_USERS", "60000"))


@pytest.fixture
def walk(manager: Actor, tmp_path: Path) -> MemberWalk:
    file = tmp_path / "users.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.sql(
            f"SELECT i AS id, 1 + i % 2400 AS split_group, i % 80 AS age FROM range({USERS}) AS numbers(i)"
        ).write_parquet(str(file))
    load_users(file)
    variants = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]
    return users_in(make_experiment(manager, key="button", variants=variants))


@contextmanager
def peak() -> Iterator[Callable[[], int]]:
    """The most bytes that Python objects took inside of the block."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_walking_and_writing_take_a_part_of_what_holding_them_takes(walk: MemberWalk, tmp_path: Path) -> None:
    with peak() as most:
        assert len(list(walk)) == USERS
        held = most()
    for pieces_of, headings in ((csv_pieces, 1), (json_pieces, 0)):
        with peak() as most:
            assert sum(piece.count("\n") for piece in pieces_of(walk, is_test=True)) == headings + USERS
            assert most() < held / 2
    with peak() as most:
        write_parquet(walk, tmp_path / "walked.parquet", is_test=True)
        assert most() < held / 2
    assert duckdb.read_parquet(str(tmp_path / "walked.parquet")).count("id").fetchall() == [(USERS,)]
