"""Which app servers have what QA set: by the versions that they report, and what those versions hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext

from core import clock
from delivery.app_servers import live_servers
from delivery.formats import path_of
from delivery.models import Manifest
from delivery.selectors import file_bodies, newest_edition
from experiments.lifecycle import Status
from experiments.models import ForcedUser, Kind, TestsOff

# Servers of one fleet run the newest version or one of the last few; whoever runs an older one has nothing new.
_MOST_VERSIONS: Final = 8
MOST_NAMED: Final = 100

_Entry = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Spread:
    """Who has it. `is_over`: it has expired. `obstacle`: why it is not delivered at all, "" if it is or soon will be."""

    having: tuple[str, ...]
    lacking: tuple[str, ...]
    is_published: bool
    is_over: bool
    obstacle: str = ""

    @property
    def servers(self) -> int:
        return len(self.having) + len(self.lacking)

    @property
    def is_complete(self) -> bool:
        """Whether every server does as the row says."""
        return not (self.having if self.is_over else self.lacking) and self.is_published != self.is_over

    @property
    def is_moving(self) -> bool:
        """Whether looking again soon may show something else."""
        return not self.is_complete and not self.obstacle

    @property
    def first_having(self) -> tuple[str, ...]:
        return self.having[:MOST_NAMED]

    @property
    def first_lacking(self) -> tuple[str, ...]:
        return self.lacking[:MOST_NAMED]


def spread_of_forced(rows: Sequence[ForcedUser]) -> dict[int, Spread]:
    """By id of the row, with `experiment.current.variants` fetched beforehand. In a constant number of queries."""
    fleet = _Fleet()
    bodies = fleet.files({path_of(Kind.TEST, row.experiment.key) for row in rows})
    moment, found = clock.now(), {}
    for row in rows:
        path = path_of(Kind.TEST, row.experiment.key)
        holding = {version for version in fleet.versions if _entry(row) in bodies.get((version, path), ())}
        is_over = row.expires_at is not None and row.expires_at <= moment
        obstacle = "" if is_over or fleet.newest in holding else _obstacle(row)
        found[row.pk] = fleet.spread(holding, row.environment, is_over=is_over, obstacle=obstacle)
    return found


def spread_of_tests_off(rows: Sequence[TestsOff]) -> dict[int, Spread]:
    """The same for those without tests: they are without them in every environment."""
    fleet = _Fleet()
    off = {
        version: (set(manifest.tests_off["user_ids"]), set(manifest.tests_off["device_ids"]))
        for version, manifest in fleet.manifests.items()
    }
    moment, found = clock.now(), {}
    for row in rows:
        holding = {
            version
            for version, (users, devices) in off.items()
            if (row.user_id in users if row.user_id else row.device_id in devices)
        }
        is_over = row.expires_at is not None and row.expires_at <= moment
        found[row.pk] = fleet.spread(holding, None, is_over=is_over)
    return found


class _Fleet:
    """The servers that were heard of in the last minute, and the manifests that they run; beside them the newest."""

    def __init__(self) -> None:
        edition = newest_edition()
        self.newest = edition.version if edition else 0
        self._servers = list(
            live_servers().order_by("instance").values_list("instance", "environment", "version")
        )
        running = {version for _, _, version in self._servers} | {self.newest}
        wanted = sorted(running, reverse=True)[:_MOST_VERSIONS]
        self.manifests = Manifest.objects.in_bulk(wanted)

    @property
    def versions(self) -> Iterable[int]:
        return self.manifests.keys()

    def files(self, paths: set[str]) -> dict[tuple[int, str], frozenset[_Entry]]:
        """Who is forced in each of these files, in each version."""
        checksums = {
            (version, path): manifest.files[path]
            for version, manifest in self.manifests.items()
            for path in paths & manifest.files.keys()
        }
        bodies = file_bodies(set(checksums.values()))
        forced = {sha256: _entries(json.loads(body)) for sha256, body in bodies.items()}
        return {place: forced[sha256] for place, sha256 in checksums.items()}

    def spread(
        self, holding: set[int], environment: str | None, *, is_over: bool, obstacle: str = ""
    ) -> Spread:
        own = [
            (name, version)
            for name, where, version in self._servers
            if environment is None or where == environment
        ]
        return Spread(
            tuple(name for name, version in own if version in holding),
            tuple(name for name, version in own if version not in holding),
            self.newest in holding,
            is_over,
            obstacle,
        )


def _entries(document: dict[str, Any]) -> frozenset[_Entry]:
    return frozenset(
        (entry["variant"], entry.get("user_id", ""), entry.get("device_id", ""), entry["environment"])
        for entry in document["forced"]
    )


def _entry(row: ForcedUser) -> _Entry:
    return row.variant, row.user_id, row.device_id, row.environment


def _obstacle(row: ForcedUser) -> str:
    experiment = row.experiment
    if experiment.status == Status.DRAFT:
        return gettext("The test is a draft again")
    variants = experiment.current.variants.all() if experiment.current else ()
    if row.variant not in {variant.name for variant in variants}:
        return gettext("The current settings have no such variant")
    return ""
