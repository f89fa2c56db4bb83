"""Test files that the frameworks' tests share, and clients of them."""

from __future__ import annotations

from typing import Any

from usersplit_sdk import Client, RecordingHits

BUTTON: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "<green>", "split_groups": [[1201, 2400]], "payload": {"color": "#0a0"}},
    ],
    "tokens": {
        "pay_button": {
            "control": {"en": "Buy now", "de": "Jetzt kaufen"},
            "<green>": {"en": "Get <it>", "de": "Hol es dir"},
        }
    },
}
"""Control and <green> own half of the split groups each: everybody is in it."""

GERMANS: dict[str, Any] = {
    "format": 1,
    "kind": "group",
    "key": "germans",
    "status": "running",
    "settings_group": 1,
    "conditions": [{"filter": "client_language", "source": "environment", "operator": "eq", "value": "de"}],
}

CONTROL, GREEN = 7, 2000
"""Split groups of the two variants."""


def a_client(*tests: dict[str, Any]) -> tuple[Client, RecordingHits]:
    """A client of these tests (the button if none is given), and what it records."""
    hits = RecordingHits()
    return Client.from_documents(tests or [BUTTON], [GERMANS], hits=hits, hit_window=0), hits
