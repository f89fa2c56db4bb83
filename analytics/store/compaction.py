"""Few large files instead of many small ones: merged by size all day long, a finished day into one; what nobody needs is deleted.

A merge writes a new file aside and then, in one transaction, makes its row live and marks those of the merged files as
replaced. Killed before that, it leaves a file that no row knows; afterwards, files that are deleted later. Readers who took the
paths of before go on reading them: a replaced file is deleted an hour later, and no question takes that long.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.db import transaction

from analytics.locks import Lock, alone_with
from analytics.models import Part, StoredFile, Stream
from analytics.store.base import StoreError
from core import clock

if TYPE_CHECKING:
    from analytics.store.files import FileStore

logger = logging.getLogger(__name__)

GRACE: Final = dt.timedelta(hours=1)
# Whatever a killed process was writing; a merge of a very large day may be at it for hours.
ASIDE_GRACE: Final = dt.timedelta(days=1)
# So many files of like size become one: each item is written anew once for every eightfold.
FILES_OF_A_SIZE: Final = 16
_SIZES: Final = 8
# DuckDB opens all files of a merge.
FILES_PER_MERGE: Final = 256
MERGE_MEMORY: Final = "1GB"
_OF_A_PART: Final = re.compile(r"\d{4}-\d\d-\d\d-part-(\d+)\.parquet")
_MERGED: Final = re.compile(r"\d{4}-\d\d-\d\d-merged-[0-9a-f]{16}\.parquet")
_ASIDE: Final = re.compile(r"aside-[0-9a-f]{16}\.parquet")
_SPILL: Final = re.compile(r"spill-[0-9a-f]{16}")


def compact(store: FileStore, before: dt.date | None) -> int:
    """See `ItemStore.compact`. Whoever comes while another process is at it does nothing. A day that cannot be merged (a
    damaged file, say) is logged and left as it is."""
    with alone_with(Lock.COMPACTION) as is_mine:
        if not is_mine:
            return 0
        merged = 0
        for files in _due(before):
            try:
                merged += merge(store, files)
            except StoreError as error:
                logger.warning("Files of %s of %s were not merged: %s", files[0].stream, files[0].day, error)
        delete_replaced(store.folder)
        if before is not None:
            delete_unknown(store.folder)
        return merged


def prune(before: dt.date) -> int:
    """See `ItemStore.prune`: readers who have the paths keep the files for a while."""
    return StoredFile.objects.filter(day__lt=before, replaced_at=None).update(replaced_at=clock.now())


# ---- merging -------------------------------------------------------------------------------------------------


def _due(before: dt.date | None) -> Iterator[list[StoredFile]]:
    """Files to be merged together, of one stream and day each."""
    of_days: defaultdict[tuple[str, dt.date], list[StoredFile]] = defaultdict(list)
    for file in StoredFile.objects.filter(replaced_at=None).order_by("stream", "day", "items", "pk"):
        of_days[file.stream, file.day].append(file)
    for (_, day), files in of_days.items():
        if before is not None and day < before:
            yield from _of_a_finished_day(files)
        else:
            yield from _of_like_size(files)


def _of_a_finished_day(files: list[StoredFile]) -> Iterator[list[StoredFile]]:
    # The smallest first: what is left over is merged the night after.
    if len(files) > 1:
        yield files[:FILES_PER_MERGE]


def _of_like_size(files: list[StoredFile]) -> Iterator[list[StoredFile]]:
    sizes: defaultdict[int, list[StoredFile]] = defaultdict(list)
    for file in files:
        sizes[int(math.log(max(file.items, 1), _SIZES))].append(file)
    for alike in sizes.values():
        if len(alike) >= FILES_OF_A_SIZE:
            yield alike[:FILES_PER_MERGE]


def merge(store: FileStore, files: Sequence[StoredFile]) -> int:
    """One file in the place of these; how many they were."""
    stream, day, items = Stream(files[0].stream), files[0].day, sum(file.items for file in files)
    paths = [file.path for file in files]
    path = f"{stream}/{day}-merged-{secrets.token_hex(8)}.parquet"
    with store.reading(MERGE_MEMORY) as connection, store.opening(connection, {stream: paths}):
        rows = store.rows_of(stream, paths)
        found = store.write_file(connection, stream, rows, path)
    if found != items:
        (store.folder / path).unlink()
        raise StoreError(f"the files hold {found:,} items and should hold {items:,}: {', '.join(paths)}")
    with transaction.atomic():
        mine = StoredFile.objects.filter(pk__in=[file.pk for file in files], replaced_at=None)
        if mine.update(replaced_at=clock.now()) != len(files):
            # Pruned meanwhile, or merged by somebody whose lock was not known here; the new file is swept.
            transaction.set_rollback(True)
            return 0
        StoredFile.objects.create(stream=stream, day=day, path=path, items=items)
    return len(files)


# ---- deleting ------------------------------------------------------------------------------------------------


def delete_replaced(folder: Path) -> int:
    """Files that were replaced long enough ago, then their rows: killed in between, it is done again."""
    gone = []
    for file in StoredFile.objects.filter(replaced_at__lt=clock.now() - GRACE):
        try:
            (folder / file.path).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("The replaced file %s was not deleted: %s", file.path, error.strerror)
        else:
            gone.append(file.pk)
    StoredFile.objects.filter(pk__in=gone).delete()
    return len(gone)


def delete_unknown(folder: Path) -> int:
    """What killed writers left: files that no row knows, but for those of parts that are still being moved."""
    # Listed first: whatever counts by now has its row, or its part is open still.
    there = [path for stream in Stream for path in _old_files(folder / stream)]
    # In this order: a part that is done in between has its rows.
    open_parts = set(Part.objects.filter(state=Part.State.OPEN).values_list("pk", flat=True))
    known = set(StoredFile.objects.values_list("path", flat=True))
    unknown = [
        path
        for path in there
        if f"{path.parent.name}/{path.name}" not in known and _part_of(path) not in open_parts
    ]
    for path in unknown:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    for path in _old_names(folder, _SPILL, ASIDE_GRACE):
        shutil.rmtree(path, ignore_errors=True)
    return len(unknown)


def _old_files(folder: Path) -> Iterator[Path]:
    for pattern, grace in ((_OF_A_PART, GRACE), (_MERGED, GRACE), (_ASIDE, ASIDE_GRACE)):
        yield from _old_names(folder, pattern, grace)


def _old_names(folder: Path, pattern: re.Pattern[str], grace: dt.timedelta) -> Iterator[Path]:
    """Somebody else's files may lie in the same folder: only names of ours."""
    youngest = time.time() - grace.total_seconds()
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                if pattern.fullmatch(path.name) and path.stat().st_mtime < youngest:
                    yield path


def _part_of(path: Path) -> int | None:
    found = _OF_A_PART.fullmatch(path.name)
    return int(found[1]) if found else None
