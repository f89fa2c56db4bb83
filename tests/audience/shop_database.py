"""Somebody else's database with users in it: tables in the test's PostgreSQL, written to from a connection of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.workers import database_url


class Shop:
    """`people` (id, years, changed) in a schema of its own; `changed` has the type a test asks for."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.address = database_url()
        self.query = "SELECT id, years AS age, changed FROM shop.people ORDER BY id"

    def make(self, kind: str = "timestamptz") -> None:
        self.do(f"CREATE TABLE shop.people (id text, years text, changed {kind})")

    def put(self, *people: tuple[Any, Any, Any]) -> None:
        """Add or change people: (id, years, changed)."""
        for person in people:
            self.do("DELETE FROM shop.people WHERE id = %s", [person[0]])
            self.do("INSERT INTO shop.people VALUES (%s, %s, %s)", person)

    def do(self, statement: str, values: Any = None) -> None:
        self.connection.execute(statement, values)


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with psycopg.connect(database_url(), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop")
        try:
            yield Shop(connection)
        finally:
            connection.execute("DROP SCHEMA shop CASCADE")
