"""`celery -A tests.notifications.dying_worker`: a worker that is killed between sending and writing down, DEATHS times.

Each death is a line in the file DIARY. After the last the worker does as any other. It waits for a homeserver on a busy machine
longer than the product does: what is tried again because it was late would be counted as a death.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

from celery.signals import worker_init

from usersplit.celery import app

__all__ = ["app"]

PATIENCE: Final = 100.0
"""Seconds; less than a lease."""


@worker_init.connect
def _lie_in_wait(**_: object) -> None:
    from notifications import outgoing, sending  # noqa: PLC0415 - needs Django's apps
    from notifications.channels.base import Receipt  # noqa: PLC0415
    from notifications.models import Delivery  # noqa: PLC0415

    diary, deaths = Path(os.environ["DIARY"]), int(os.environ["DEATHS"])
    write_down = sending._sent

    def killed_before(delivery: Delivery, receipt: Receipt) -> None:
        lines = diary.read_text().splitlines() if diary.exists() else []
        if len(lines) < deaths:
            diary.write_text("\n".join([*lines, receipt.answer]))
            os.kill(os.getpid(), signal.SIGKILL)
        write_down(delivery, receipt)

    sending._sent = killed_before
    outgoing.READ_SECONDS = outgoing.WHOLE_SECONDS = PATIENCE  # type: ignore[misc]
