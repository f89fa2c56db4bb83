"""Decides, on the app server itself and from local files, which variant of a split test a user gets.

    from usersplit_sdk import Client, Environment, User

    client = Client.from_directory("delivery/", environment="production")
    user = User(id="123", split_group=1187, attributes={"country_id": 50})
    client.get_active_variant("green_button", user, Environment(attributes={"platform": "web"}))

Standard library only. A check never raises into the application and never waits for a disk or a network.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from usersplit_sdk.async_client import AsyncClient
    from usersplit_sdk.async_hits import AsyncHitSink, AsyncRecordingHits, Batching
    from usersplit_sdk.async_http_hits import AsyncHttpHits
    from usersplit_sdk.http_hits import HttpHits
    from usersplit_sdk.split_tests import (
        InvalidSplitTest,
        MultiTest,
        ParamTest,
        Run,
        SplitTest,
        per_call,
        variant,
    )
    from usersplit_sdk.trace import Trace, TracedDecision, trace_conditions, trace_decision

__version__ = "0.1.0"

__all__ = [
    "SPLIT_GROUPS",
    "AsyncClient",
    "AsyncHitSink",
    "AsyncHttpHits",
    "AsyncRecordingHits",
    "Batching",
    "Client",
    "CompiledTest",
    "Decision",
    "Environment",
    "FileHits",
    "Hit",
    "HitSink",
    "HttpHits",
    "InvalidDocument",
    "InvalidSplitTest",
    "MultiTest",
    "NullHits",
    "ParamTest",
    "Problem",
    "Reason",
    "RecordingHits",
    "Run",
    "SplitTest",
    "Status",
    "Trace",
    "TracedDecision",
    "User",
    "draw_split_group",
    "parse_document",
    "per_call",
    "trace_conditions",
    "trace_decision",
    "variant",
]

_WHEN_ASKED_FOR = {
    "AsyncClient": "usersplit_sdk.async_client",
    "AsyncHitSink": "usersplit_sdk.async_hits",
    "AsyncHttpHits": "usersplit_sdk.async_http_hits",
    "AsyncRecordingHits": "usersplit_sdk.async_hits",
    "Batching": "usersplit_sdk.async_hits",
    "HttpHits": "usersplit_sdk.http_hits",
    "InvalidSplitTest": "usersplit_sdk.split_tests",
    "MultiTest": "usersplit_sdk.split_tests",
    "ParamTest": "usersplit_sdk.split_tests",
    "Run": "usersplit_sdk.split_tests",
    "SplitTest": "usersplit_sdk.split_tests",
    "Trace": "usersplit_sdk.trace",
    "TracedDecision": "usersplit_sdk.trace",
    "per_call": "usersplit_sdk.split_tests",
    "trace_conditions": "usersplit_sdk.trace",
    "trace_decision": "usersplit_sdk.trace",
    "variant": "usersplit_sdk.split_tests",
}
"""Names by module: asyncio and inspect take longer to import than the rest, and few applications need both."""

# Type checkers know the names from above; a function that answers for any name would hide misspelt ones from them.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        module = _WHEN_ASKED_FOR.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(module), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
