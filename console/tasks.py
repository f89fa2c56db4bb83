"""Background work of the console."""

from __future__ import annotations

from celery import shared_task

from console.pulses import record_pulse
from core.tasks import DurableTask


@shared_task(base=DurableTask)
def pulse(queue: str) -> None:
    """Sent to every queue every few seconds: whoever serves it says so."""
    record_pulse(queue)
