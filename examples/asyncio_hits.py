"""Split tests on asyncio, the hits stored in a PostgreSQL of your own with psycopg's async connection.

For a UserSplit server the sink is there: `asyncio_server.py`.

Visitors come in by the thousand; each is decided for at once, and what they saw goes to a table in batches.

Run it: DELIVERY_DIR=delivery/ DATABASE_URL=postgresql://… python examples/asyncio_hits.py [VISITORS]
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

import psycopg

from usersplit_sdk import AsyncClient, Environment, Hit, User, draw_split_group

# A hit that is stored twice is one row; the user's next hit is another. (NULLS NOT DISTINCT: PostgreSQL 15 or newer.)
TABLE = """
CREATE TABLE IF NOT EXISTS split_test_hits (
    test text NOT NULL,
    settings_group integer NOT NULL,
    variant text NOT NULL,
    user_id text,
    device_id text,
    split_group integer,
    environment text NOT NULL,
    time timestamptz NOT NULL,
    forced boolean NOT NULL,
    test_user boolean NOT NULL,
    UNIQUE NULLS NOT DISTINCT (test, settings_group, variant, user_id, device_id, time)
)
"""
INSERT = f"INSERT INTO split_test_hits VALUES ({', '.join(['%s'] * len(Hit._fields))}) ON CONFLICT DO NOTHING"  # noqa: S608 - nothing but placeholders
COUNTS = """
SELECT variant, count(*), count(DISTINCT user_id) FROM split_test_hits
WHERE test = %s AND NOT forced AND NOT test_user GROUP BY variant ORDER BY variant
"""


class PostgresHits:
    """Stores hits in a table. A batch that fails is handed over again, so the table refuses what it has."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection | None = None

    async def store(self, hits: Sequence[Hit]) -> None:
        """One transaction a batch: all of it is stored, or none."""
        connection = await self._connected()
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.executemany(INSERT, hits)

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
            await self._connection.execute(TABLE)
        return self._connection


async def visit(client: AsyncClient, number: int) -> str:
    """What a visitor is shown. Your users keep the split group that was drawn when they registered."""
    user = User(f"user-{number}", split_group=draw_split_group(), attributes={"country_id": 50})
    request = Environment(attributes={"platform": "web"})
    variant = await client.get_active_variant("green_button", user, request)
    return "a green button" if variant == "green" else "the button as ever"


async def main(visitors: int) -> None:
    """Let them all in at once, and show what was stored."""
    url = os.environ["DATABASE_URL"]
    async with AsyncClient.from_directory(os.environ["DELIVERY_DIR"], hits=PostgresHits(url)) as client:
        shown = await asyncio.gather(*(visit(client, number) for number in range(visitors)))
    # Leaving the block has stored what was left.
    print(f"{visitors} visitors, {shown.count('a green button')} saw a green button")
    print(f"{client.dropped_hits} hits were dropped")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for variant, hits, users in await (await connection.execute(COUNTS, ("green_button",))).fetchall():
            print(f"{variant}: {hits} hits of {users} users")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
