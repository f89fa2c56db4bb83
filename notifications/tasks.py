"""Background work of notifications. Each channel has a queue of its own: none waits for another's provider."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from core.locks import alone_with
from core.tasks import DurableTask
from notifications import clockwork, connections, issues, outbox, planning, rooms, sending
from notifications.models import ChannelKind

_LOCKS: Final = 0x5553_0030
_ISSUES: Final = 16
_ROOMS: Final = 17


@shared_task(base=DurableTask)
def read_outbox() -> None:
    """Make events of changelog entries, and plan who hears of what is new."""
    outbox.read_entries()
    planning.plan_events()


@shared_task(base=DurableTask)
def plan_time_events() -> None:
    """Make events of what time brings, and plan who hears of it."""
    clockwork.plan_time_events()
    planning.plan_events()


@shared_task(base=DurableTask)
def send_mail() -> None:
    """Send the mails that are due."""
    _send(ChannelKind.MAIL)


@shared_task(base=DurableTask)
def send_chat() -> None:
    """Send what is due in rooms, to people in the chat, and to webhooks."""
    _send(ChannelKind.CHAT)


@shared_task(base=DurableTask)
def send_jira() -> None:
    """Write the comments that are due."""
    _send(ChannelKind.JIRA)


@shared_task(base=DurableTask)
def keep_rooms() -> None:
    """Make chat rooms, bring their members in step with managers, archive them after the finish."""
    with alone_with(_LOCKS, _ROOMS) as alone:
        if alone:
            rooms.keep_rooms()


@shared_task(base=DurableTask)
def look_at_issues() -> None:
    """See how the tests' issues in Jira are, and bring what we keep there in step."""
    with alone_with(_LOCKS, _ISSUES) as alone:
        if alone:
            issues.look_at_issues()


@shared_task(base=DurableTask)
def check_connection(connection_id: int) -> None:
    """Test an account, for whoever looks at its page."""
    connections.check_connection(connection_id)


def _send(channel: ChannelKind) -> None:
    # One process a channel: messages keep their order, and a provider that hangs holds one process only.
    with alone_with(_LOCKS, list(ChannelKind).index(channel)) as alone:
        if alone:
            sending.send_due(channel)
