"""What people can hear of: one table, from which defaults, words and the settings pages follow. No database here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


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

    label: StrOrPromise
    audience: Audience
    urgent: bool = False
    room: bool = True
    issue: bool = False


EVENTS: Final[Mapping[EventKind, EventSpec]] = {
    EventKind.START_NEAR: EventSpec(_("The start is near"), Audience.MANAGERS),
    EventKind.END_NEAR: EventSpec(_("The end is near"), Audience.MANAGERS),
    EventKind.CODE_IN_PRODUCTION: EventSpec(_("Its code is in production"), Audience.MANAGERS, issue=True),
    EventKind.STARTED: EventSpec(_("Started"), Audience.MANAGERS, issue=True),
    EventKind.PAUSED: EventSpec(_("Paused"), Audience.MANAGERS, urgent=True, issue=True),
    EventKind.RESUMED: EventSpec(_("Resumed"), Audience.MANAGERS, issue=True),
    EventKind.FINISHED: EventSpec(_("Finished"), Audience.MANAGERS, issue=True),
    EventKind.SETTINGS_CHANGED: EventSpec(_("Settings changed"), Audience.MANAGERS, issue=True),
    EventKind.PREPARED: EventSpec(_("Settings are prepared"), Audience.MANAGERS, room=False),
    EventKind.PREPARATION_FAILED: EventSpec(
        _("A preparation failed"), Audience.MANAGERS, urgent=True, room=False
    ),
    EventKind.APPROVAL_ASKED: EventSpec(_("Somebody asks for approval"), Audience.APPROVERS),
    EventKind.APPROVAL_GIVEN: EventSpec(_("Approved"), Audience.MANAGERS),
    EventKind.MISMATCH: EventSpec(_("Sample ratio mismatch"), Audience.MANAGERS, urgent=True, issue=True),
    EventKind.NO_HITS: EventSpec(_("No hits come any more"), Audience.MANAGERS, urgent=True),
    EventKind.HITS_AFTER_FINISH: EventSpec(
        _("Finished, but still in the code"), Audience.MANAGERS, issue=True
    ),
    EventKind.FORCED_EXPIRES: EventSpec(_("A forced user is about to expire"), Audience.CREATOR, room=False),
}
