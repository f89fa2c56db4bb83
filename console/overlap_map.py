"""The overlap map: every running and planned test beside every other, and the users whom both give a variant.

Two hundred tests are twenty thousand pairs, so everything here is arithmetic on one table of tests × tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from accounts.actors import Actor
from console.counted import Counted, counted
from console.meeting import Spans
from core import clock
from experiments.lifecycle import UNFINISHED
from experiments.models import Kind
from experiments.selectors import visible_experiments

TESTS_SHOWN: Final = 200
PAIRS_SHOWN: Final = 50
LABELLED: Final = 40
LEVELS: Final = (0.01, 0.05, 0.1, 0.25, 0.5)
"""Where the next darker colour begins, by the larger of both shares."""

Table = npt.NDArray[np.int64]
"""Users of both, int64[tests, tests]; symmetric, 0 on the diagonal."""


@dataclass(frozen=True, slots=True)
class Node:
    """A test of the map; `users` get one of its variants."""

    pk: int
    settings_group: int
    key: str
    name: str
    area: str
    status: str
    users: int
    is_upper_bound: bool = False


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two tests as a line of the table; first the one of which the shared users are the larger part. Shares are 0..1."""

    first: Node
    second: Node
    users: int
    share_of_first: float
    share_of_second: float
    is_upper_bound: bool = False

    @property
    def same_area(self) -> bool:
        return bool(self.first.area) and self.first.area == self.second.area


@dataclass(frozen=True, eq=False)
class OverlapMap:
    """`tests` in the order of the map, by area. `hidden` tests are too many to be drawn, of `uncounted` ones there is no count yet."""

    tests: list[Node]
    shared: Table
    hidden: int
    uncounted: int

    @property
    def size(self) -> int:
        return len(self.tests)

    @property
    def is_labelled(self) -> bool:
        """Whether there is room for every key."""
        return self.size <= LABELLED

    @cached_property
    def shares(self) -> npt.NDArray[np.float64]:
        """Row by row: how much of the test of that row is in each other (0..1)."""
        users = np.array([one.users for one in self.tests], dtype=np.float64)[:, None]
        return np.divide(self.shared, users, out=np.zeros(self.shared.shape), where=users > 0)

    def paths(self) -> list[tuple[int, str]]:
        """By level (0 is the lightest), the cells below the diagonal as lines of an SVG path, one unit wide."""
        levels = np.digitize(np.maximum(self.shares, self.shares.T), LEVELS)
        levels[np.triu_indices(self.size)] = -1
        levels[self.shared == 0] = -1
        return [
            (level, "".join(_runs(levels == level)))
            for level in range(len(LEVELS) + 1)
            if (levels == level).any()
        ]

    def same_area_path(self) -> str:
        """Frames around the cells of two tests of one area that share users."""
        areas = np.array([one.area for one in self.tests])
        same = (areas[:, None] == areas) & (areas != "") & (self.shared > 0)
        rows, columns = np.nonzero(np.tril(same, -1))
        return "".join(
            f"M{column} {row}h1v1h-1z" for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        )

    def borders(self) -> list[int]:
        """Where a new area begins."""
        return [
            place for place in range(1, self.size) if self.tests[place].area != self.tests[place - 1].area
        ]

    def numbers(self) -> dict[str, Any]:
        """What hovering needs: tests as [key, name, users, whether that is an upper bound], and by row the users shared with the tests before it."""
        return {
            "tests": [[one.key, one.name, one.users, one.is_upper_bound] for one in self.tests],
            "rows": [row[:place].tolist() for place, row in enumerate(self.shared)],
        }

    def largest(self, text: str = "") -> tuple[list[PairRow], int]:
        """The pairs with most users, of tests that have `text` in their key or name, and how many more there are."""
        wanted = text.lower()
        fits = np.array([wanted in f"{one.key} {one.name}".lower() for one in self.tests], dtype=bool)
        users = np.where(fits[:, None] | fits, np.tril(self.shared, -1), 0)
        found = np.flatnonzero(users)
        order = np.argsort(-users.ravel()[found], kind="stable")[:PAIRS_SHOWN]
        places = [divmod(int(place), self.size) for place in found[order]]
        return [self._pair(row, column) for row, column in places], max(0, len(found) - PAIRS_SHOWN)

    def _pair(self, row: int, column: int) -> PairRow:
        if self.shares[row, column] < self.shares[column, row]:
            row, column = column, row
        return PairRow(
            self.tests[row],
            self.tests[column],
            int(self.shared[row, column]),
            float(self.shares[row, column]),
            float(self.shares[column, row]),
            self.tests[row].is_upper_bound or self.tests[column].is_upper_bound,
        )


def _runs(cells: npt.NDArray[np.bool_]) -> Iterator[str]:
    """Cells beside each other as one line."""
    edges = np.diff(np.pad(cells.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, begins = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    for row, begin, end in zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True):
        yield f"M{begin} {row}.5h{end - begin}"


def overlap_map(actor: Actor, area: str = "", statuses: Sequence[str] = UNFINISHED) -> OverlapMap:
    """What this actor may know of. Counts are the newest of either test; where they differ, the larger number stands. Tests whose
    dates do not meet from now on share nobody, even where they own the same split groups."""
    rows = visible_experiments(actor, Kind.TEST).filter(status__in=statuses, current__isnull=False)
    if area:
        rows = rows.filter(area=area)
    columns = ("pk", "current_id", "key", "name", "area", "status", "current__starts_at", "current__ends_at")
    found = list(rows.order_by("pk").values_list(*columns))
    counts = counted(row[1] for row in found)
    drawn = [row for row in found if row[1] in counts]
    nodes = [
        Node(pk, group, key, name, area, status, counts[group].users, counts[group].is_upper_bound)
        for pk, group, key, name, area, status, *_ in drawn
    ]
    shared = _shared(nodes, counts) * Spans.of((row[6:] for row in drawn), clock.now()).table()
    # The most connected ones when they are too many.
    kept = np.argsort(-shared.sum(axis=1), kind="stable")[:TESTS_SHOWN].tolist()
    kept.sort(key=lambda place: (nodes[place].area == "", nodes[place].area, nodes[place].key))
    return OverlapMap(
        [nodes[place] for place in kept],
        shared[np.ix_(kept, kept)],
        len(nodes) - len(kept),
        len(found) - len(nodes),
    )


def _shared(nodes: Sequence[Node], counts: Mapping[int, Counted]) -> Table:
    table = np.zeros((len(nodes), len(nodes)), dtype=np.int64)
    if not nodes:
        return table
    ids = np.array([node.settings_group for node in nodes])
    order = np.argsort(ids)
    for place, node in enumerate(nodes):
        count = counts[node.settings_group]
        near = np.minimum(np.searchsorted(ids[order], count.others), len(ids) - 1)
        is_known = ids[order][near] == count.others
        table[place, order[near[is_known]]] = count.shared[is_known]
    np.fill_diagonal(table, 0)
    return np.maximum(table, table.T)
