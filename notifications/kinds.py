"""What people can hear of: one table, from which defaults, words and the settings pages follow. No Django here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class EventKind(StrEnum):
    """The events."""

    START_NEAR = "start_near"
    END_NEAR = "end_near"
    CODE_IN_PRODUCTION = "code_in_production"
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    FINISHED = "finished"
    SETTINGS_CHANGED = "settings_changed"
    PREPARED = "prepared"
    PREPARATION_FAILED = "preparation_failed"
    APPROVAL_ASKED = "approval_asked"
    APPROVAL_GIVEN = "approval_given"
    MISMATCH = "mismatch"
    NO_HITS = "no_hits"
    HITS_AFTER_FINISH = "hits_after_finish"
    FORCED_EXPIRES = "forced_expires"


class Audience(StrEnum):
    """Who hears of it unless they say otherwise."""

    MANAGERS = "managers"
    APPROVERS = "approvers"
    CREATOR = "creator"


@dataclass(frozen=True, slots=True)
class EventSpec:
    """`label` stands in lists; `room` and `issue`: whether the test's chat room and Jira issue are told as well."""

    label: str
    audience: Audience
    urgent: bool = False
    room: bool = True
    issue: bool = False


EVENTS: Final[Mapping[EventKind, EventSpec]] = {
    EventKind.START_NEAR: EventSpec("The start is near", Audience.MANAGERS),
    EventKind.END_NEAR: EventSpec("The end is near", Audience.MANAGERS),
    EventKind.CODE_IN_PRODUCTION: EventSpec("Its code is in production", Audience.MANAGERS, issue=True),
    EventKind.STARTED: EventSpec("Started", Audience.MANAGERS, issue=True),
    EventKind.PAUSED: EventSpec("Paused", Audience.MANAGERS, urgent=True, issue=True),
    EventKind.RESUMED: EventSpec("Resumed", Audience.MANAGERS, issue=True),
    EventKind.FINISHED: EventSpec("Finished", Audience.MANAGERS, issue=True),
    EventKind.SETTINGS_CHANGED: EventSpec("Settings changed", Audience.MANAGERS, issue=True),
    EventKind.PREPARED: EventSpec("Settings are prepared", Audience.MANAGERS, room=False),
    EventKind.PREPARATION_FAILED: EventSpec(
        "A preparation failed", Audience.MANAGERS, urgent=True, room=False
    ),
    EventKind.APPROVAL_ASKED: EventSpec("Somebody asks for approval", Audience.APPROVERS),
    EventKind.APPROVAL_GIVEN: EventSpec("Approved", Audience.MANAGERS),
    EventKind.MISMATCH: EventSpec("Sample ratio mismatch", Audience.MANAGERS, urgent=True, issue=True),
    EventKind.NO_HITS: EventSpec("No hits come any more", Audience.MANAGERS, urgent=True),
    EventKind.HITS_AFTER_FINISH: EventSpec("Finished, but still in the code", Audience.MANAGERS, issue=True),
    EventKind.FORCED_EXPIRES: EventSpec("A forced user is about to expire", Audience.CREATOR, room=False),
}
