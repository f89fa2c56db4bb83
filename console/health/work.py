"""What works in the background: the clock, the queues with their workers, preparations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Min, Q
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from console.health.findings import Finding, State, span_in_words, worst
from console.health.machines import Broker
from console.pulses import EVERY, last_pulses, queue_names
from core import clock
from experiments.models import Preparation, PreparationState

LATE: Final = 3 * EVERY + dt.timedelta(seconds=15)
# A worker that counts or loads hears of nothing else meanwhile.
BUSY: Final = dt.timedelta(hours=1)
_LONG_WORK: Final = frozenset({"preparation", "counting", "loading"})
_STUCK: Final = dt.timedelta(minutes=15)

_MEANING: Final[Mapping[str, str | Promise]] = {
    "celery": _("deliveries, sweeps, the outbox"),
    "preparation": _("draws and counts of new settings"),
    "counting": _("recounts, users of hits, the nightly check"),
    "loading": _("loads of users"),
    "hits": _("hits and events that came in"),
    "notify_mail": _("mails"),
    "notify_chat": _("chat messages and rooms"),
    "notify_jira": _("comments and tasks in Jira"),
}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue: what it is for, how many tasks wait (None if the broker says nothing), when a worker last served it."""

    name: str
    meaning: str
    waiting: int | None
    served_at: dt.datetime | None
    state: State

    @property
    def is_busy(self) -> bool:
        """Perhaps with something long, and not dead."""
        return self.state == State.WATCH


def queues(said: Broker) -> list[QueueRow]:
    """All queues of the settings."""
    pulses, now = last_pulses(), clock.now()
    return [
        QueueRow(
            name,
            str(_MEANING.get(name, "")),
            said.waiting.get(name),
            pulses.get(name),
            _state_of(name, pulses.get(name), now),
        )
        for name in queue_names()
    ]


def _state_of(name: str, served_at: dt.datetime | None, now: dt.datetime) -> State:
    if served_at is None:
        return State.UNKNOWN
    silent = now - served_at
    if silent <= LATE:
        return State.FINE
    return State.WATCH if name in _LONG_WORK and silent <= BUSY else State.BAD


def beat(rows: list[QueueRow]) -> Finding:
    """The clock of periodic work. Its pulse is what any worker heard last."""
    name = gettext("Clock (beat)")
    heard = max((row.served_at for row in rows if row.served_at is not None), default=None)
    if heard is None:
        return Finding(
            name,
            State.UNKNOWN,
            gettext(
                "No pulse has come yet. The first comes some seconds after clock and workers were started."
            ),
            gettext("If it stays so, start `celery -A usersplit beat` and the workers."),
        )
    silent = clock.now() - heard
    if silent <= LATE:
        return Finding(
            name, State.FINE, gettext("Its last pulse came %(time)s ago.") % {"time": span_in_words(silent)}
        )
    if any(row.waiting for row in rows):
        return Finding(
            name, State.UNKNOWN, gettext("Tasks wait in the queues, so it may well run: see the workers.")
        )
    return Finding(
        name,
        State.BAD,
        gettext("No pulse has come for %(time)s, and nothing waits: it does not run.")
        % {"time": span_in_words(silent)},
        gettext("Start `celery -A usersplit beat`, once only; what was missed is made up for."),
    )


def workers(rows: list[QueueRow]) -> Finding:
    """All queues in a sentence."""
    name = gettext("Workers")
    if rows and all(row.state == State.BAD and not row.waiting for row in rows if row.name not in _LONG_WORK):
        return Finding(
            name, State.UNKNOWN, gettext("Nothing waits, and while the clock stands still no pulse tells.")
        )
    unserved = [row.name for row in rows if row.state == State.BAD]
    unknown = [row.name for row in rows if row.state == State.UNKNOWN]
    busy = [row.name for row in rows if row.state == State.WATCH]
    state = worst([row.state for row in rows])
    if unserved:
        sentence = gettext("Nobody serves %(queues)s: what waits there is not done.") % {
            "queues": _and(unserved)
        }
        advice = gettext("Start a worker for it: `--queues %(queues)s`.") % {"queues": ",".join(unserved)}
        return Finding(name, state, sentence, advice)
    if busy:
        sentence = gettext("%(queues)s: busy with something long, perhaps, or not served.") % {
            "queues": _and(busy)
        }
        return Finding(name, state, sentence, gettext("If no count or load runs, restart the worker."))
    if unknown:
        sentence = gettext("Of %(queues)s no pulse has come yet.") % {"queues": _and(unknown)}
        return Finding(name, state, sentence)
    return Finding(name, state, gettext("All %(n)s queues are served.") % {"n": len(rows)})


def preparations() -> Finding:
    """Settings that wait to be drawn and counted."""
    name = gettext("Preparations")
    now = clock.now()
    found = Preparation.objects.aggregate(
        open=Count("pk", filter=Q(state__in=[PreparationState.QUEUED, PreparationState.PREPARING])),
        oldest=Min("queued_at", filter=Q(state__in=[PreparationState.QUEUED, PreparationState.PREPARING])),
    )
    if not found["open"]:
        return Finding(name, State.FINE, gettext("None waits."))
    waited = now - found["oldest"]
    state = State.WATCH if waited >= _STUCK else State.FINE
    advice = (
        gettext("See that the queue “preparation” is served and the warehouse answers.")
        if state != "fine"
        else ""
    )
    sentence = ngettext(
        "%(n)s under way, the oldest for %(time)s.",
        "%(n)s under way, the oldest for %(time)s.",
        found["open"],
    ) % {"n": f"{found['open']:,}", "time": span_in_words(waited)}
    return Finding(name, state, sentence, advice, page="console:test_list")


def _and(names: list[str]) -> str:
    return (
        names[0]
        if len(names) == 1
        else gettext("%(names)s and %(last)s")
        % {
            "names": gettext(", ").join(names[:-1]),
            "last": names[-1],
        }
    )
