"""Whether the clock and the workers are alive: every queue is sent a pulse every few seconds, and whoever serves it writes that down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from django.conf import settings

from console.models import Pulse
from core import clock

EVERY: Final = dt.timedelta(seconds=15)


def record_pulse(queue: str) -> None:
    """A worker of this queue is alive now. Queues that there are not are none of ours."""
    if queue in queue_names():
        Pulse.objects.update_or_create(queue=queue, defaults={"at": clock.now()})


def queue_names() -> list[str]:
    """All queues of the settings, in their order."""
    return [queue.name for queue in settings.CELERY_TASK_QUEUES]


def last_pulses() -> Mapping[str, dt.datetime]:
    """When each queue was served last; without those that never were."""
    return dict(Pulse.objects.filter(queue__in=queue_names()).values_list("queue", "at"))
