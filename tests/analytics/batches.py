"""Hits, events and batches of them as an app server sends them."""

from __future__ import annotations

import uuid
from typing import Any

from core import clock
from tests.api import Api
from usersplit_sdk.model import Hit


def hit(**fields: Any) -> dict[str, object]:
    """What the SDK sends of a hit."""
    values: dict[str, Any] = {
        "test": "green_button",
        "settings_group": 1,
        "variant": "green",
        "user_id": "4711",
        "device_id": None,
        "split_group": 7,
        "environment": "production",
        "time": clock.now(),
        "forced": False,
        "test_user": False,
    }
    whole = Hit(
        **{name: fields.pop(name, value) for name, value in values.items() if name != "time"},
        time=values["time"],
    )
    return {**whole.as_json(), **fields}


def event(**fields: Any) -> dict[str, object]:
    """Somebody paid."""
    return {
        "event": "order.paid",
        "user_id": "4711",
        "environment": "production",
        "time": clock.now().isoformat(),
        "value": 9.5,
        **fields,
    }


def batch(*items: object, stream: str = "hits", batch_id: object = None) -> dict[str, object]:
    """A batch with an id of its own."""
    return {"batch_id": str(batch_id or uuid.uuid4()), stream: list(items)}


def send(api: Api, *items: object, stream: str = "hits", batch_id: object = None) -> Any:
    """Send a batch; the answer, which must be that it was taken."""
    response = api.post(f"/{stream}/", batch(*items, stream=stream, batch_id=batch_id))
    assert response.status_code == 202, response.content[:2000]
    return response.json()
