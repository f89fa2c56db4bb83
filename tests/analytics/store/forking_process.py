"""A process that does each line of its input in a child of its own, so that children start at once, and kills some.

A line is seconds after which the child is killed (or `-`), what to do, and with what: `write PART COUNT` stores a part as the
fold does, `compact DAY` or `compact -` merges files, `count` counts users. Answered by the child's exit code and its seconds.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.db import connections, transaction  # noqa: E402

from analytics.models import Part, StoredFile, Stream  # noqa: E402
from analytics.store import get_store  # noqa: E402
from analytics.tallies import count_stale_users  # noqa: E402
from tests.analytics.store.items import Item, loaded, random_hits  # noqa: E402


def hits_of_part(part: int, count: int) -> list[Item]:
    """Each with a user of its own, so that one that is lost or doubled shows."""
    return [
        {**hit, "user_id": f"{part}-{number}"} for number, hit in enumerate(random_hits(part, count, days=2))
    ]


def write(number: str, count: str) -> None:
    part = Part.objects.get(pk=int(number))
    with (
        tempfile.TemporaryDirectory() as folder,
        loaded(Path(folder), Stream.HITS, hits_of_part(part.pk, int(count))) as items,
    ):
        written = get_store().write(Stream.HITS, part.pk, items, "items")
    with transaction.atomic():
        Part.objects.filter(pk=part.pk).update(state=Part.State.DONE, items=int(count))
        StoredFile.objects.bulk_create(
            StoredFile(stream=Stream.HITS, day=each.day, path=each.path, items=each.items) for each in written
        )


def compact(before: str) -> None:
    get_store().compact(None if before == "-" else dt.date.fromisoformat(before))


def count() -> None:
    count_stale_users()


def main() -> None:
    todo: dict[str, Callable[..., None]] = {"write": write, "compact": compact, "count": count}
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    for line in sys.stdin:
        seconds, name, *arguments = line.split()
        connections.close_all()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            try:
                todo[name](*arguments)
            except BaseException:  # noqa: BLE001 - reported by the exit code
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        signal.sigtimedwait([signal.SIGCHLD], 60 if seconds == "-" else float(seconds))
        # Not waited for yet, so the number is still the child's.
        if seconds != "-":
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        signal.sigtimedwait([signal.SIGCHLD], 0)
        print(os.waitstatus_to_exitcode(status), time.monotonic() - began, flush=True)


if __name__ == "__main__":
    main()
