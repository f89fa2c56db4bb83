"""Events in plain English: one message for every channel, from which each makes its own form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.urls import reverse

from notifications.channels.base import Message
from notifications.kinds import EVENTS, EventKind
from notifications.models import Event

MAX_VALUE: Final = 300
MAX_FACTS: Final = 12
_TITLES: Final[Mapping[str, str]] = {
    EventKind.START_NEAR: "{name} starts soon",
    EventKind.END_NEAR: "{name} ends soon",
    EventKind.CODE_IN_PRODUCTION: "{name}: its code is in production",
    EventKind.STARTED: "{name} has started",
    EventKind.PAUSED: "{name} is paused",
    EventKind.RESUMED: "{name} goes on",
    EventKind.FINISHED: "{name} is finished",
    EventKind.SETTINGS_CHANGED: "{name} has new settings",
    EventKind.PREPARED: "{name}: settings are prepared",
    EventKind.PREPARATION_FAILED: "{name}: a preparation failed",
    EventKind.APPROVAL_ASKED: "{name} waits for approval",
    EventKind.APPROVAL_GIVEN: "{name} is approved",
    EventKind.MISMATCH: "{name}: the shares of the variants do not fit",
    EventKind.NO_HITS: "{name}: no hits come any more",
    EventKind.HITS_AFTER_FINISH: "{name} is finished, but still in the code",
    EventKind.FORCED_EXPIRES: "{name}: a forced user is about to expire",
}


def message_of(event: Event, time_zone: str = "UTC") -> Message:
    """The event's message, with times in that zone."""
    experiment = event.experiment
    key = experiment.key if experiment else ""
    name = f"“{_short(experiment.name)}”" if experiment else "A test"
    title = _TITLES[event.kind].format(name=name)
    return Message(
        kind=event.kind,
        title=title,
        text=_sentence(event, time_zone),
        url=_url(event),
        test=key,
        facts=tuple(_facts(event)),
        urgent=EVENTS[EventKind(event.kind)].urgent,
    )


def digest_message(messages: Sequence[Message]) -> Message:
    """Several at once, in the order in which they happened."""
    tests = {message.test for message in messages if message.test}
    about = f"{len(tests)} tests" if len(tests) != 1 else f"“{next(iter(tests))}”"
    lines = [f"• {message.title}. {message.text}\n  {message.url}" for message in messages]
    return Message(
        kind="digest",
        title=f"{len(messages)} messages about {about}",
        text="\n".join(lines),
        url=f"{settings.PUBLIC_URL}{reverse('notifications:record')}",
    )


def _sentence(event: Event, time_zone: str) -> str:
    data = event.data
    if event.kind in {EventKind.START_NEAR, EventKind.END_NEAR}:
        moment = _moment(data["moment"], time_zone)
        if event.kind == EventKind.END_NEAR:
            return f"It ends on {moment}; from then on nobody gets a variant. Finish it with a winner, or give it more time."
        if data.get("status") == "dev":
            return f"Its first day is {moment}, but it is still in dev: somebody has to start it."
        return f"It is started, and users get variants from {moment} on."
    if event.kind == EventKind.FORCED_EXPIRES:
        what = "device" if data.get("is_device") else "user"
        who = _short(str(data.get("who", "")))
        moment = _moment(data["moment"], time_zone)
        return f"The {what} {who} is forced into “{data.get('variant')}” ({data.get('environment')}) until {moment}."
    by = data.get("by", "")
    message = str(data.get("message", "")).rstrip(".")
    machine = event.entry is None or event.entry.by_machine
    return f"{message}." if machine or not by else f"{message} (by {by})."


def _facts(event: Event) -> list[tuple[str, str]]:
    """What is different now, as people read it."""
    changes: list[dict[str, Any]] = event.data.get("changes", [])
    facts = [
        (str(change["label"]), f"{_value(change['before'])} → {_value(change['after'])}")
        for change in changes[:MAX_FACTS]
    ]
    more = len(changes) - MAX_FACTS
    return [*facts, ("And", f"{more} more changes")] if more > 0 else facts


def _value(value: object) -> str:
    return "not set" if value in (None, "") else _short(str(value))


def _short(text: str) -> str:
    """One line of bounded length: what people typed may be anything."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_VALUE else f"{line[: MAX_VALUE - 1]}…"


def _moment(text: str, time_zone: str) -> str:
    moment = dt.datetime.fromisoformat(text)
    try:
        local = moment.astimezone(ZoneInfo(time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        local = moment.astimezone(dt.UTC)
    return f"{local:%-d %B %Y, %H:%M} ({local.tzname()})"


def _url(event: Event) -> str:
    if event.experiment is None:
        return settings.PUBLIC_URL
    address = reverse(
        "experiments:experiment_page", kwargs={"kind": event.experiment.kind, "key": event.experiment.key}
    )
    return f"{settings.PUBLIC_URL}{address}"
