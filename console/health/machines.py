"""The servers below the product: PostgreSQL, the broker, disks."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from celery import current_app
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext

from console.health.findings import Finding, State, graded, size_in_words, span_in_words, worst
from console.pulses import queue_names

BROKER_SECONDS: Final = 2
LONG_TRANSACTION: Final = dt.timedelta(minutes=10)
SLOW_SECONDS: Final = 1.0
_LIMITED: Final = 0.8
_FULL: Final = 0.95
_DISK_WATCH: Final = 0.85
_DISK_BAD: Final = 0.95

_ABOUT_DATABASE: Final = """
SELECT current_setting('server_version'),
       pg_database_size(current_database()),
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int,
       (SELECT extract(epoch FROM max(clock_timestamp() - xact_start)) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
"""


def database() -> Finding:
    """PostgreSQL: it answers, or there would be no page; is there room for more who ask, and does anybody hold it up?"""
    with connection.cursor() as cursor:
        cursor.execute(_ABOUT_DATABASE)
        version, size, used, most, oldest = cursor.fetchone()
    longest = dt.timedelta(seconds=float(oldest or 0))
    crowd = graded(used / most, _LIMITED, _FULL)
    held = State.WATCH if longest >= LONG_TRANSACTION else State.FINE
    sentence = gettext("It answers; %(used)s of %(most)s connections are in use.") % {
        "used": f"{used:,}",
        "most": f"{most:,}",
    }
    advice = ""
    if crowd != State.FINE:
        advice = gettext("Raise max_connections of PostgreSQL, or run fewer web and worker processes.")
    elif held != State.FINE:
        sentence = gettext("It answers, but a transaction has been open for %(time)s.") % {
            "time": span_in_words(longest)
        }
        advice = gettext(
            "Look in pg_stat_activity who holds it: until it ends old rows pile up, and changes may wait."
        )
    facts = (
        (gettext("Version"), version.partition(" ")[0]),
        (gettext("Size of the data"), size_in_words(size)),
    )
    return Finding("PostgreSQL", worst([crowd, held]), sentence, advice, facts=facts)


@dataclass(frozen=True, slots=True)
class Broker:
    """What the broker says: tasks that wait in each queue, and how long the answer took, in seconds. `trouble` if it says nothing."""

    waiting: Mapping[str, int]
    seconds: float = 0.0
    trouble: str = ""


def ask_broker() -> Broker:
    """Ask for the length of each queue. Never raises, and takes no longer than some seconds."""
    begun = time.perf_counter()
    patience = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS}
    options = {**(current_app.conf.broker_transport_options or {}), **patience}
    try:
        with current_app.connection_for_read(
            connect_timeout=BROKER_SECONDS, transport_options=options
        ) as link:
            link.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
            with link.channel() as channel:
                waiting = {name: _length_of(channel, name) for name in queue_names()}
    except Exception as error:  # noqa: BLE001 - whatever a driver raises means that it is not there
        # Its text may hold the address with its password.
        return Broker({}, trouble=type(error).__name__)
    return Broker(waiting, time.perf_counter() - begun)


def _length_of(channel: Any, name: str) -> int:
    # Declared as the workers declare it: before the first of them there is none to be asked.
    declared = channel.queue_declare(queue=name, durable=True, auto_delete=False)
    return int(declared.message_count)


def broker(said: Broker) -> Finding:
    """The broker that hands tasks to workers: Redis, or whatever the settings name."""
    name = "Redis" if "redis" in str(settings.CELERY_BROKER_URL) else gettext("Message broker")
    if said.trouble:
        return Finding(
            name,
            State.BAD,
            gettext("It does not answer (%(why)s): counts, deliveries and notifications wait.")
            % {"why": said.trouble},
            gettext(
                "Start it, and see that BROKER_URL is right. Nothing is lost: sweeps find what waits once it is back."
            ),
        )
    return Finding(
        name,
        graded(said.seconds, SLOW_SECONDS, BROKER_SECONDS),
        gettext("It answers, in %(ms)s ms; %(n)s tasks wait.")
        % {"ms": f"{said.seconds * 1000:,.0f}", "n": f"{sum(said.waiting.values()):,}"},
        "" if said.seconds < SLOW_SECONDS else gettext("It is slow: look at the load of its machine."),
    )


def disks() -> list[Finding]:
    """Each disk that the product writes to, once."""
    places = {
        gettext("data"): settings.VAR_DIR,
        gettext("delivery folder"): settings.DELIVERY_DIR,
    }
    found: dict[int, list[str]] = {}
    paths: dict[int, Path] = {}
    for name, place in places.items():
        path = _existing(Path(place))
        device = os.stat(path).st_dev  # noqa: PTH116 - of a path that is there
        found.setdefault(device, []).append(name)
        paths[device] = path
    return [_disk(names, paths[device]) for device, names in found.items()]


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest above it that is there already."""
    return path if path.exists() else _existing(path.parent)


def _disk(names: list[str], path: Path) -> Finding:
    usage = shutil.disk_usage(path)
    taken = 1 - usage.free / usage.total if usage.total else 0.0
    state = graded(taken, _DISK_WATCH, _DISK_BAD)
    advice = gettext(
        "Make room, or move VAR_DIR and DELIVERY_DIR to a larger disk: when it is full, hits are refused."
    )
    return Finding(
        _name_of_disk(names),
        state,
        gettext("%(free)s of %(all)s are free.")
        % {"free": size_in_words(usage.free), "all": size_in_words(usage.total)},
        "" if state == State.FINE else advice,
    )


def _name_of_disk(names: list[str]) -> str:
    if len(names) == 2:
        return gettext("Disk: %(first)s and %(second)s") % {"first": names[0], "second": names[1]}
    return gettext("Disk: %(what)s") % {"what": names[0]}
