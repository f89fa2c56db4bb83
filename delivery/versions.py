"""What the latest deliveries changed: version by version, for people who wonder what their servers got."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext

from accounts.actors import Actor
from delivery.folder import DeliveryFolder
from delivery.formats import version_in
from delivery.models import Manifest
from experiments.models import Experiment, Kind
from experiments.selectors import visible_experiments

SHOWN: Final = 6
NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class Change:
    """A file that a version brought, changed or took away."""

    what: str
    experiment: Experiment


@dataclass(frozen=True, slots=True)
class Version:
    """A delivery. `more` counts changed files beyond those named; `tests_off` tells that people's tests went off or on."""

    version: int
    published_at: dt.datetime
    changes: tuple[Change, ...]
    more: int
    tests_off: bool


def folder_version() -> int:
    """The version that lies in this machine's delivery folder; 0 for none."""
    return version_in(DeliveryFolder(settings.DELIVERY_DIR).manifest())


def latest_versions(actor: Actor) -> list[Version]:
    """The newest first. Files of what this actor may not know of are only counted. Three queries."""
    rows = list(Manifest.objects.order_by("-version")[: SHOWN + 1])
    # The first delivery of all has none before it, and brought everything.
    befores: list[Manifest | None] = [before for _, before in pairwise(rows)]
    if rows and len(rows) <= SHOWN:
        befores.append(None)
    changed = [
        (row, before, _changed(before.files if before else {}, row.files))
        for row, before in zip(rows, befores, strict=False)
    ]
    known = _known(actor, {path for _, _, changes in changed for path in changes})
    return [_version(row, before, changes, known) for row, before, changes in changed]


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """What happened to each file that is not as it was, by path."""
    found = {
        path: gettext("new") if path not in before else gettext("changed")
        for path in sorted(after)
        if before.get(path) != after[path]
    }
    return found | dict.fromkeys(sorted(before.keys() - after.keys()), gettext("gone"))


def _known(actor: Actor, paths: Iterable[str]) -> dict[str, Experiment]:
    """Those that the actor may know of, by the path of their file."""
    found: dict[str, Experiment] = {}
    for kind in Kind:
        folder = f"{kind.value}s/"
        keys = [path.removeprefix(folder).removesuffix(".json") for path in paths if path.startswith(folder)]
        rows = visible_experiments(actor, kind).filter(key__in=keys).only("key", "kind", "name")
        found |= {f"{folder}{row.key}.json": row for row in rows}
    return found


def _version(
    row: Manifest, before: Manifest | None, changes: Mapping[str, str], known: Mapping[str, Experiment]
) -> Version:
    named = tuple(Change(what, known[path]) for path, what in changes.items() if path in known)[:NAMED]
    off: Any = before.tests_off if before else row.tests_off
    return Version(row.version, row.published_at, named, len(changes) - len(named), off != row.tests_off)
