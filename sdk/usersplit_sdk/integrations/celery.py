"""UserSplit in Celery: a task sees the variants of the user and the request that sent it.

    SplitTasks(client)                 # once, where tasks are sent and where they run

    @app.task
    def send_letter(address: str) -> None:
        split = current_split()
        variant = split.variant("letter") if split else None

User, split group, device and attributes travel in a header of the message, a guest's too; so do those of a task
that sends another one, and of a retry. Code that is no web request says for whom it sends:

    with use_split(Split(client, user)):
        send_letter.delay(address)
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun

from usersplit_sdk.bound import Split, bind_split, checked_client, current_split
from usersplit_sdk.client import Client
from usersplit_sdk.engine import identity
from usersplit_sdk.model import Environment, User
from usersplit_sdk.values import parse_moment

__all__ = ["HEADER", "SplitTasks", "current_split"]

logger = logging.getLogger("usersplit_sdk")

HEADER = "usersplit"
"""The message's header: a JSON text, which every broker carries."""
_DECIMAL = "$decimal"


class SplitTasks:
    """Puts the current split into messages, and takes it out before a task runs.

    The client may be a function, which is called when a task needs it: in a worker, not in what starts workers.
    """

    def __init__(self, client: Client | Callable[[], Client]) -> None:
        self._client = client
        self._outer: dict[str, Split | None] = {}
        for signal, receiver in self._receivers():
            signal.connect(receiver, weak=False)

    def disconnect(self) -> None:
        """Leave messages and tasks alone from here on."""
        for signal, receiver in self._receivers():
            signal.disconnect(receiver)

    def _receivers(self) -> list[tuple[Any, Callable[..., None]]]:
        return [
            (before_task_publish, self._publish),
            (task_prerun, self._before),
            (task_postrun, self._after),
        ]

    def _publish(self, headers: dict[str, Any] | None = None, **_: object) -> None:
        split = current_split()
        if headers is None or split is None or HEADER in headers:
            return
        if split.is_loaded or not _on_event_loop():
            headers[HEADER] = encode(split)

    def _before(self, task_id: str, task: Any, **_: object) -> None:
        carried = (task.request.headers or {}).get(HEADER)
        if carried is None and task.request.is_eager:
            # It runs inside the request that sent it, whose split is the current one already.
            return
        self._outer[task_id] = bind_split(None if carried is None else self._decode(carried))

    def _after(self, task_id: str, **_: object) -> None:
        if task_id in self._outer:
            bind_split(self._outer.pop(task_id))

    def _decode(self, carried: object) -> Split | None:
        try:
            if not isinstance(self._client, Client):
                self._client = checked_client(self._client())
            return decode(self._client, carried)
        except Exception:
            logger.exception("a task's %s header cannot be used: it runs without a split", HEADER)
            return None


def _on_event_loop() -> bool:
    """Reading the user may need a database, which an event loop must not wait for: there the view asks first."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def encode(split: Split) -> str:
    """The header of a split, in which conditions read what they read in the split. What they cannot is left out."""
    user, environment = split.user, split.environment
    known = None if user is None else {
        "id": identity(user.id), "split_group": _plain(user.split_group), "attributes": _plain_items(user.attributes),
    }  # fmt: skip
    request = {
        "device_id": identity(environment.device_id),
        "split_group": _plain(environment.split_group),
        "supported_tests": _plain(environment.supported_tests),
        "attributes": _plain_items(environment.attributes),
        "language": split.language,
    }
    return json.dumps({"user": known, "environment": request})


def decode(client: Client, carried: object) -> Split:
    """The split of a header; raises whatever there is to raise if it is none."""
    if not isinstance(carried, str):
        raise TypeError("not a text")
    parts = json.loads(carried, object_hook=_revived)
    user, request = parts["user"], parts["environment"]
    return Split(
        client,
        None if user is None else User(user["id"], user["split_group"], user["attributes"]),
        Environment(
            request["device_id"], request["attributes"], request["supported_tests"], request["split_group"]
        ),
        language=request["language"],
    )


def _plain_items(attributes: Mapping[str, object]) -> dict[str, object]:
    plain = {name: _plain(value) for name, value in attributes.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _plain(value: object) -> object:
    """What JSON has for it; None, which counts as missing, if it has nothing."""
    if isinstance(value, date):
        return _plain_date(value)
    if isinstance(value, str):
        # Not str(value), which is the name of an enumeration's member.
        return str.__str__(value)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Decimal):
        # No float: 19.9 as a float is not the same number.
        return {_DECIMAL: str(value)}
    if isinstance(value, Collection) and not isinstance(value, Mapping | bytes | bytearray):
        return [item for item in map(_plain, value) if item is not None]
    return None


def _plain_date(value: date) -> str | None:
    moment = parse_moment(value)
    if moment is None:
        return None
    # In UTC: zones of long ago have offsets with seconds, which a condition's date cannot have.
    return (moment.instant.date() if moment.is_day else moment.instant).isoformat()


def _revived(items: dict[str, object]) -> object:
    return Decimal(str(items[_DECIMAL])) if items.keys() == {_DECIMAL} else items
