"""The client of this shop: one per process."""

import os

from usersplit_sdk import Client, FileHits


def make_client() -> Client:
    """Called once, at start."""
    hits = FileHits(os.environ.get("HITS_FILE", "hits.jsonl"))
    return Client.from_directory(os.environ.get("DELIVERY_DIR", "delivery"), hits=hits)
