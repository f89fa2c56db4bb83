"""Split tests on asyncio, from a UserSplit server: tests come from it, hits go to it, nothing of that in your code.

The token needs the scopes deliver and ingest. Kill it in the middle, and start it again: what it had shown is counted, once.

Run it: USERSPLIT_URL=https://usersplit.example USERSPLIT_TOKEN=… python examples/asyncio_server.py TEST [VISITORS]
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter

from usersplit_sdk import AsyncClient, Environment, User, draw_split_group


async def visit(client: AsyncClient, test: str, number: int) -> str | None:
    """What a visitor is shown. Your users keep the split group that was drawn when they registered."""
    user = User(f"user-{number}", split_group=draw_split_group(), attributes={"country_id": 50})
    return await client.get_active_variant(test, user, Environment(attributes={"platform": "web"}))


async def main(test: str, visitors: int) -> None:
    """Let them all in at once, and say what they were shown."""
    url, token = os.environ["USERSPLIT_URL"], os.environ["USERSPLIT_TOKEN"]
    async with AsyncClient.from_url(url, token, cache_dir=os.environ.get("USERSPLIT_CACHE")) as client:
        shown = Counter(await asyncio.gather(*(visit(client, test, number) for number in range(visitors))))
    # Leaving the block has sent what was left, or keeps it for the next start.
    for variant, users in sorted(shown.items(), key=str):
        print(f"{variant or 'as ever'}: {users} visitors")
    print(f"{client.dropped_hits} hits were dropped")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
