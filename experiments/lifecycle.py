"""The lifecycle as a table. No framework here: services, buttons, the API and the database trigger all ask this module."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Status(StrEnum):
    """Where a test or user group stands."""

    DRAFT = "draft"
    DEV = "dev"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"


class Verb(StrEnum):
    """What can be done to it."""

    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"


class Requirement(StrEnum):
    """What a verb asks of a test besides the right status."""

    PREPARED = "prepared"
    SHARE = "share"
    APPROVAL = "approval"


class Standing(StrEnum):
    """What an actor is to one test: rights come from the role and from being one of its managers."""

    SUPERUSER = "superuser"
    MANAGER = "manager"
    OTHER_MANAGER = "other_manager"
    DEVELOPER = "developer"
    QA = "qa"
    VIEWER = "viewer"


TRANSITIONS: Final[Mapping[tuple[Status, Verb], Status]] = MappingProxyType(
    {
        (Status.DRAFT, Verb.PUBLISH): Status.DEV,
        (Status.DEV, Verb.WITHDRAW): Status.DRAFT,
        (Status.DEV, Verb.START): Status.RUNNING,
        (Status.DEV, Verb.FINISH): Status.FINISHED,
        (Status.RUNNING, Verb.PAUSE): Status.PAUSED,
        (Status.RUNNING, Verb.FINISH): Status.FINISHED,
        (Status.PAUSED, Verb.RESUME): Status.RUNNING,
        (Status.PAUSED, Verb.FINISH): Status.FINISHED,
    }
)

REQUIREMENTS: Final[Mapping[Verb, tuple[Requirement, ...]]] = MappingProxyType(
    {
        Verb.PUBLISH: (Requirement.PREPARED,),
        Verb.START: (Requirement.PREPARED, Requirement.SHARE, Requirement.APPROVAL),
    }
)

# Everybody reads; only these change anything.
ACTING: Final = frozenset({Standing.SUPERUSER, Standing.MANAGER})
# A second pair of eyes need not be one of the test's own managers.
APPROVING: Final = frozenset({Standing.SUPERUSER, Standing.MANAGER, Standing.OTHER_MANAGER})
# Only those who act on it know of a draft.
SEES_DRAFTS: Final = ACTING
# New settings of such a test take effect by themselves when they are ready; later a manager attaches them.
ATTACHES_BY_ITSELF: Final = frozenset({Status.DRAFT, Status.DEV})
UNFINISHED: Final = tuple(status for status in Status if status != Status.FINISHED)
DELIVERED: Final = tuple(status for status in Status if status != Status.DRAFT)


def next_status(status: Status, verb: Verb) -> Status | None:
    """Where `verb` leads from `status`, or None when it is the wrong verb there."""
    return TRANSITIONS.get((status, verb))


def verbs_from(status: Status) -> tuple[Verb, ...]:
    """The verbs that make sense in `status`, in the order of the lifecycle."""
    return tuple(verb for verb in Verb if (status, verb) in TRANSITIONS)


def allowed_verbs(status: Status, standing: Standing) -> tuple[Verb, ...]:
    """The verbs that an actor of this standing may use now: what the console shows as buttons."""
    return verbs_from(status) if standing in ACTING else ()


def requirements_of(verb: Verb, *, is_test: bool, needs_approval: bool) -> tuple[Requirement, ...]:
    """What `verb` asks of a test (or of a user group, which has no variants), in the order in which refusals are told."""
    left_out = {Requirement.SHARE: not is_test, Requirement.APPROVAL: not needs_approval}
    return tuple(one for one in REQUIREMENTS.get(verb, ()) if not left_out.get(one, False))
