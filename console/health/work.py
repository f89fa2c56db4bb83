"""What works in the background: the clock, the queues with their workers, preparations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Min, Q

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

_MEANING: Final[Mapping[str, str]] = {
    "celery": "deliveries, sweeps, the outbox",
    "preparation": "draws and counts of new settings",
    "counting": "recounts, users of hits, the nightly check",
    "loading": "loads of users",
    "hits": "hits and events that came in",
    "notify_mail": "mails",
    "notify_chat": "chat messages and rooms",
    "notify_jira": "comments and tasks in Jira",
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
            _MEANING.get(name, ""),
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
    name = "Clock (beat)"
    heard = max((row.served_at for row in rows if row.served_at is not None), default=None)
    if heard is None:
        return Finding(
            name,
            State.UNKNOWN,
            "No pulse has come yet. The first comes some seconds after clock and workers were started.",
            "If it stays so, start `celery -A usersplit beat` and the workers.",
        )
    silent = clock.now() - heard
    if silent <= LATE:
        return Finding(name, State.FINE, f"Its last pulse came {span_in_words(silent)} ago.")
    if any(row.waiting for row in rows):
        return Finding(name, State.UNKNOWN, "Tasks wait in the queues, so it may well run: see the workers.")
    return Finding(
        name,
        State.BAD,
        f"No pulse has come for {span_in_words(silent)}, and nothing waits: it does not run.",
        "Start `celery -A usersplit beat`, once only; what was missed is made up for.",
    )


def workers(rows: list[QueueRow]) -> Finding:
    """All queues in a sentence."""
    name = "Workers"
    if rows and all(row.state == State.BAD and not row.waiting for row in rows if row.name not in _LONG_WORK):
        return Finding(name, State.UNKNOWN, "Nothing waits, and while the clock stands still no pulse tells.")
    unserved = [row.name for row in rows if row.state == State.BAD]
    unknown = [row.name for row in rows if row.state == State.UNKNOWN]
    busy = [row.name for row in rows if row.state == State.WATCH]
    state = worst([row.state for row in rows])
    if unserved:
        sentence = f"Nobody serves {_and(unserved)}: what waits there is not done."
        return Finding(name, state, sentence, f"Start a worker for it: `--queues {','.join(unserved)}`.")
    if busy:
        sentence = f"{_and(busy)}: busy with something long, perhaps, or not served."
        return Finding(name, state, sentence, "If no count or load runs, restart the worker.")
    if unknown:
        return Finding(name, state, f"Of {_and(unknown)} no pulse has come yet.")
    return Finding(name, state, f"All {len(rows)} queues are served.")


def preparations() -> Finding:
    """Settings that wait to be drawn and counted."""
    name = "Preparations"
    now = clock.now()
    found = Preparation.objects.aggregate(
        open=Count("pk", filter=Q(state__in=[PreparationState.QUEUED, PreparationState.PREPARING])),
        oldest=Min("queued_at", filter=Q(state__in=[PreparationState.QUEUED, PreparationState.PREPARING])),
    )
    if not found["open"]:
        return Finding(name, State.FINE, "None waits.")
    waited = now - found["oldest"]
    state = State.WATCH if waited >= _STUCK else State.FINE
    advice = (
        "See that the queue “preparation” is served and the warehouse answers." if state != "fine" else ""
    )
    sentence = f"{found['open']:,} under way, the oldest for {span_in_words(waited)}."
    return Finding(name, state, sentence, advice, page="console:test_list")


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
