"""Counting a generation: from kept matches where there are any, from codes otherwise, by scans where there are none."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from audience.specs import SPLIT_GROUPS
from audience.warehouse.asked import Asked
from audience.warehouse.base import KeptReport, WarehouseQueryFailed
from audience.warehouse.codes import Codes, CodesDamaged
from audience.warehouse.kept_matches import KeptMatches
from audience.warehouse.matching import Matcher
from audience.warehouse.scanned_counts import ScannedCounts, only_in
from audience.warehouse.slots import Bits
from audience.warehouse.time_limits import TimeLimit

logger = logging.getLogger(__name__)

_MATCHES: Final = "matches"
_BATCH_BYTES: Final = 64 << 20
_MOST_IN_BATCH: Final = 64

Counts = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Users per split group, int64[2400], and those shared with each other condition, int64[n, 2400]."""


def count(
    connection: duckdb.DuckDBPyConnection | None,
    codes: Codes | None,
    mine: Asked,
    others: Sequence[Asked],
    split_groups: Collection[int] | None = None,
) -> Counts:
    """Users who match `mine`, and each of the others too. Raises WarehouseQueryFailed when it takes too long, duckdb.Error."""
    if connection is None:
        return np.zeros(SPLIT_GROUPS, dtype=np.int64), np.zeros((len(others), SPLIT_GROUPS), dtype=np.int64)
    limit = TimeLimit()
    # Many tests share their conditions ("everyone", above all): each different one is counted once.
    distinct = {other.meaning.digest: other for other in others if not other.meaning.everyone}
    users, counted = _count(connection, codes, mine, distinct, split_groups, limit)
    shared = np.empty((len(others), SPLIT_GROUPS), dtype=np.int64)
    for row, other in enumerate(others):
        shared[row] = counted.get(other.meaning.digest, users)
    return users, shared


def _count(
    connection: duckdb.DuckDBPyConnection,
    codes: Codes | None,
    mine: Asked,
    others: Mapping[str, Asked],
    split_groups: Collection[int] | None,
    limit: TimeLimit,
) -> tuple[NDArray[np.int64], Mapping[str, NDArray[np.int64]]]:
    if codes is not None and split_groups is None:
        try:
            return _CodedCounts(codes, connection, limit).of(mine, others)
        except OSError as error:  # two loads have come meanwhile, or somebody cleared the folder
            logger.warning("counting without codes: %s", error)
            if isinstance(error, CodesDamaged):
                codes.disown()
    scanned = ScannedCounts(connection, only_in(mine.expression, split_groups), limit)
    users, shared = scanned.of([other.expression for other in others.values()])
    return users, dict(zip(others, shared, strict=True))


def keep(connection: duckdb.DuckDBPyConnection, codes: Codes, conditions: Sequence[Asked]) -> KeptReport:
    """Have the matches of these conditions at hand. See `Warehouse.keep_matches`."""
    wanted = {asked.meaning.digest: asked for asked in conditions if not asked.meaning.everyone}
    kept = _kept(codes)
    room = kept.most_bytes // max(1, codes.slots.words * 8)
    problem = (
        f"only {room} of {len(wanted)} conditions' matches fit into {kept.most_bytes >> 20} MiB"
        if len(wanted) > room
        else ""
    )
    missing = {digest: wanted[digest] for digest in list(wanted)[:room] if not kept.has(digest)}
    added = 0
    try:
        for batch in _batches(missing, codes):
            rows = Matcher(codes, connection, TimeLimit()).matches(
                [asked.expression for asked in batch.values()]
            )
            for digest, bits in zip(batch, rows, strict=True):
                kept.write(digest, bits)
                added += 1
    except OSError as error:
        problem = f"matches cannot be kept: {error.strerror or error}"
    except WarehouseQueryFailed as error:
        problem = error.detail
    kept.prune(wanted)
    ready = sum(kept.has(digest) for digest in wanted)
    return KeptReport(kept=ready, added=added, size=kept.size(), problem=problem)


class _CodedCounts:
    """Counts from bits."""

    def __init__(self, codes: Codes, connection: duckdb.DuckDBPyConnection, limit: TimeLimit) -> None:
        self.codes = codes
        self.slots = codes.slots
        self.kept = _kept(codes)
        self.connection = connection
        self.limit = limit

    def of(
        self, mine: Asked, others: Mapping[str, Asked]
    ) -> tuple[NDArray[np.int64], Mapping[str, NDArray[np.int64]]]:
        audience = self._bits(mine)
        both = np.empty_like(audience)
        counted: dict[str, NDArray[np.int64]] = {}
        for digest, bits in self._all(others):
            self.limit.check()
            np.bitwise_and(audience, bits, out=both)
            counted[digest] = self.slots.per_group(both)
        return self.slots.per_group(audience), counted

    def _bits(self, condition: Asked) -> Bits:
        if condition.meaning.everyone:
            return self.slots.everyone
        kept = self.kept.read(condition.meaning.digest)
        return self._matches([condition])[0] if kept is None else kept

    def _all(self, conditions: Mapping[str, Asked]) -> Iterator[tuple[str, Bits]]:
        missing: dict[str, Asked] = {}
        for digest, condition in conditions.items():
            bits = self.kept.read(digest)
            if bits is None:
                missing[digest] = condition
            else:
                yield digest, bits
        keeping = True
        for batch in _batches(missing, self.codes):
            for digest, bits in zip(batch, self._matches(list(batch.values())), strict=True):
                keeping = keeping and self._keep(digest, bits)
                yield digest, bits
        if missing:
            self.kept.prune()

    def _matches(self, conditions: Sequence[Asked]) -> NDArray[np.uint64]:
        expressions = [condition.expression for condition in conditions]
        return Matcher(self.codes, self.connection, self.limit).matches(expressions)

    def _keep(self, digest: str, bits: Bits) -> bool:
        try:
            self.kept.write(digest, bits)
        except OSError as error:
            logger.warning("matches are counted but not kept: %s", error)
            return False
        return True


def _kept(codes: Codes) -> KeptMatches:
    return KeptMatches(codes.folder / _MATCHES, codes.slots.words)


def _batches(conditions: Mapping[str, Asked], codes: Codes) -> Iterator[dict[str, Asked]]:
    """As many at a time as their bits take little memory."""
    size = max(1, min(_MOST_IN_BATCH, _BATCH_BYTES // max(1, codes.slots.words * 8)))
    items = list(conditions.items())
    for start in range(0, len(items), size):
        yield dict(items[start : start + size])
