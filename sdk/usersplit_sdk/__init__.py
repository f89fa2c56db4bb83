"""Decides, on the app server itself and from local files, which variant of a split test a user gets.

    from usersplit_sdk import Client, Environment, User

    client = Client.from_directory("delivery/", environment="production")
    user = User(id="123", split_group=1187, attributes={"country_id": 50})
    client.get_active_variant("green_button", user, Environment(attributes={"platform": "web"}))

Standard library only. A check never raises into the application and never waits for a disk or a network.
"""

from usersplit_sdk.client import Client
from usersplit_sdk.documents import CompiledTest, parse_document
from usersplit_sdk.errors import InvalidDocument, Problem
from usersplit_sdk.hits import FileHits, HitSink, NullHits, RecordingHits
from usersplit_sdk.model import (
    SPLIT_GROUPS,
    Decision,
    Environment,
    Hit,
    Reason,
    User,
    draw_split_group,
)
from usersplit_sdk.store import Status

__version__ = "0.1.0"

__all__ = [
    "SPLIT_GROUPS",
    "Client",
    "CompiledTest",
    "Decision",
    "Environment",
    "FileHits",
    "Hit",
    "HitSink",
    "InvalidDocument",
    "NullHits",
    "Problem",
    "Reason",
    "RecordingHits",
    "Status",
    "User",
    "draw_split_group",
    "parse_document",
]
