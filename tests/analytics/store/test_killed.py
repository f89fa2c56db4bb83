"""Writers, compactors and counters are killed at any moment, by the kernel: nothing is lost, nothing is there twice."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from django.db.models import Sum

from accounts.actors import Actor
from analytics.models import Part, StoredFile, Stream
from analytics.store import ItemStore, get_store
from analytics.store.files import FileStore
from core import clock
from tests.analytics.store.counted import GRAINS, arrive, held_locks, make_groups, wrong_rows
from tests.analytics.store.forking_process import hits_of_part
from tests.analytics.store.items import FIRST, random_hits
from tests.waiting import wait_until
from tests.workers import ROOT, process_environment

pytestmark = pytest.mark.django_db(transaction=True)
HITS = 40
LATER = dt.timedelta(hours=2)


class Killed:
    """Does things in children of another process, and kills some."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.chance = random.Random(5)
        self.took: dict[str, float] = {}
        self.kills = 0

    def do(self, *words: object, undisturbed: bool = False) -> bool:
        """Whether it came to its end before it was killed, at a random moment of the time that it took the first time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        usual = None if undisturbed else self.took.get(str(words[0]))
        seconds = "-" if usual is None else self.chance.uniform(0, usual)
        self.process.stdin.write(" ".join(map(str, [seconds, *words])) + "\n")
        self.process.stdin.flush()
        code, took = self.process.stdout.readline().split()
        assert int(code) in (0, -signal.SIGKILL)
        self.kills += code != "0"
        if code == "0":
            self.took.setdefault(str(words[0]), float(took))
        return code == "0"


@pytest.fixture
def killed() -> Iterator[Killed]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.analytics.store.forking_process"],
        cwd=ROOT, env=process_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Killed(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def wait_until_locks_are_free() -> None:
    """PostgreSQL takes a moment to see that somebody is dead."""
    wait_until(lambda: held_locks() == 0, "nobody holds a lock")


def stored_users() -> Counter[str]:
    """Read from the files that count, as they lie on the disk."""
    folder = store_of_files().folder
    paths = [
        str(folder / path)
        for path in StoredFile.objects.filter(replaced_at=None).values_list("path", flat=True)
    ]
    if not paths:
        return Counter()
    with duckdb.connect(":memory:") as memory:
        rows = memory.execute("SELECT visitor FROM read_parquet(?)", [paths]).fetchall()
    return Counter(visitor.removeprefix("u:") for (visitor,) in rows)


def store_of_files() -> FileStore:
    store: ItemStore = get_store()
    assert isinstance(store, FileStore)
    return store


def users_of(parts: list[Part]) -> Counter[str]:
    return Counter(hit["user_id"] for part in parts for hit in hits_of_part(part.pk, HITS))


def test_writers_and_compactors_are_killed(killed: Killed) -> None:
    parts: list[Part] = []
    for number in range(12):
        part = Part.objects.create(stream=Stream.HITS)
        parts.append(part)
        # As the fold does: an open part is taken up again until it is done.
        for attempt in range(3):
            if killed.do("write", part.pk, HITS, undisturbed=attempt == 2) or is_done(part):
                break
        if number % 2:
            killed.do("compact", "-" if number % 4 == 1 else FIRST.date() + dt.timedelta(days=1))
            assert_all_there(parts)
    assert killed.kills > 0
    wait_until_locks_are_free()
    assert killed.do("compact", FIRST.date() + dt.timedelta(days=9), undisturbed=True)
    assert StoredFile.objects.filter(replaced_at=None).count() == 2
    assert_only_live_files_are_left_in_the_end()
    assert_all_there(parts)


def is_done(part: Part) -> bool:
    return Part.objects.get(pk=part.pk).state == Part.State.DONE


def assert_all_there(parts: list[Part]) -> None:
    assert stored_users() == users_of(parts)
    items = StoredFile.objects.filter(replaced_at=None).aggregate(items=Sum("items"))["items"]
    assert items == len(parts) * HITS


def assert_only_live_files_are_left_in_the_end() -> None:
    store = store_of_files()
    there = [path for path in store.folder.rglob("*") if path.is_file()]
    assert len(there) > 2
    for path in there:
        two_days_ago = time.time() - 2 * 86_400
        os.utime(path, (two_days_ago, two_days_ago))
    with clock.frozen_at(clock.now() + LATER):
        store.compact(FIRST.date())
    left = {str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file()}
    assert left == set(StoredFile.objects.values_list("path", flat=True))


def test_counters_of_users_are_killed(killed: Killed, manager: Actor, tmp_path: Path) -> None:
    groups = make_groups(manager)
    hits = random_hits(9, 210, days=1, groups=groups)
    arrive(get_store(), tmp_path, hits[:30], 1)
    assert killed.do("count")
    for part in range(2, 7):
        arrive(get_store(), tmp_path, hits[part * 30 - 30 : part * 30], part)
        killed.do("count")
    arrive(get_store(), tmp_path, hits[180:], 7)
    # Whatever was counted rests: for the last time it is later.
    for model in GRAINS:
        model.objects.update(users_due_at=None)
    assert killed.kills > 0
    wait_until_locks_are_free()
    assert killed.do("count", undisturbed=True)
    assert wrong_rows(hits, groups) == []
