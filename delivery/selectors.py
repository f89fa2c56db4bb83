"""Questions about what was delivered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.db.models import Count, Max, QuerySet
from django.db.models.fields.json import KeyTextTransform

from delivery.formats import is_delivered_path
from delivery.models import CodePlace, CodeRepository, DeliveredFile, Manifest
from experiments.models import Experiment, Kind


@dataclass(frozen=True, slots=True)
class Edition:
    """Which manifest is the newest: enough to know whether a copy is up to date. `sha256` is of its bytes."""

    version: int
    sha256: str


def newest_edition() -> Edition | None:
    """The newest manifest's identity, without its content; None before the first delivery."""
    row = Manifest.objects.order_by("-version").values_list("version", "sha256").first()
    return Edition(*row) if row else None


def newest_manifest() -> Manifest | None:
    """The newest manifest, None before the first delivery."""
    return Manifest.objects.order_by("-version").first()


def newest_checksum(path: str) -> str | None:
    """The checksum of the file that the newest manifest lists at `path`; None for whatever it does not list."""
    if not is_delivered_path(path):
        return None
    listed = Manifest.objects.order_by("-version").annotate(checksum=KeyTextTransform(path, "files"))
    found: str | None = listed.values_list("checksum", flat=True).first()
    return found


def file_bodies(checksums: Collection[str]) -> Mapping[str, bytes]:
    """The bytes of delivered files by checksum."""
    rows = DeliveredFile.objects.filter(sha256__in=checksums) if checksums else DeliveredFile.objects.none()
    return {sha256: bytes(body) for sha256, body in rows.values_list("sha256", "body")}


@dataclass(frozen=True, slots=True)
class FoundInCode:
    """A line that names a test, by the newest scan of its repository. `link` is None unless the scan said how lines are addressed."""

    repository: str
    path: str
    line: int
    commit: str
    scanned_at: dt.datetime
    link: str | None

    def __str__(self) -> str:
        return f"{self.repository} {self.path}:{self.line}"


def code_place_rows(experiment: Experiment) -> QuerySet[CodePlace]:
    """Lines that name this test or user group, with `repository`."""
    places = CodePlace.objects.filter(key=experiment.key, kind__in=["", experiment.kind])
    return places.select_related("repository")


def code_places_of(experiment: Experiment) -> list[FoundInCode]:
    """Where code names this test or user group: by repository, path and line. Empty also while nobody has reported a scan."""
    ordered = code_place_rows(experiment).order_by("repository__name", "path", "line", "kind")
    return [
        FoundInCode(
            place.repository.name,
            place.path,
            place.line,
            place.repository.commit,
            place.repository.scanned_at,
            link_to(place),
        )
        for place in ordered
    ]


def scanned_repositories() -> Mapping[str, Any]:
    """How many `repositories` a scan was reported of, and when the `last` was (None without any)."""
    return CodeRepository.objects.aggregate(repositories=Count("pk"), last=Max("scanned_at"))


def link_to(place: CodePlace) -> str | None:
    """Where people read this line, None unless the scan said how lines are addressed."""
    link = place.repository.link
    # A path is quoted, so it holds no braces that would be taken for the next placeholder.
    parts = {"{commit}": place.repository.commit, "{path}": quote(place.path), "{line}": str(place.line)}
    for name, value in parts.items():
        link = link.replace(name, value)
    return link or None


def code_place_counts(experiments: Collection[Experiment]) -> Mapping[int, int]:
    """Lines of code that name each of these, by its primary key; without those that none does. One query."""
    by_name = {(experiment.kind, experiment.key): experiment.pk for experiment in experiments}
    counted = CodePlace.objects.filter(key__in={key for _, key in by_name}).order_by()
    found: dict[int, int] = {}
    for key, kind, lines in counted.values_list("key", "kind").annotate(lines=Count("pk")):
        for pk in (by_name.get((one, key)) for one in ([kind] if kind else Kind.values)):
            if pk is not None:
                found[pk] = found.get(pk, 0) + lines
    return found
