"""Where code names tests: scans of repositories come in here. The newest one of a repository is the whole truth about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.actors import Actor
from accounts.models import Role
from core import clock
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from delivery.models import CodePlace, CodeRepository

MAX_PLACES: Final = 20_000
MAX_REPOSITORIES: Final = 1_000
REPORTING: Final = frozenset({Role.SUPERUSER, Role.MANAGER, Role.DEVELOPER})


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line that names a key. `kind` is a `Kind`, or "" where the scanner could not tell."""

    key: str
    kind: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class CodeScan:
    """All places of one repository at one commit. `link` is "" or the address of a line with {commit}, {path} and {line}."""

    repository: str
    commit: str
    committed_at: dt.datetime | None
    link: str
    files: int
    places: Sequence[Place]


class OlderScan(Conflict):
    """A pipeline that ran late: what it found is not how the code is now."""

    code = "older_scan"
    title = "A newer commit was scanned already"


def repositories() -> QuerySet[CodeRepository]:
    """All whose scan was reported, each with its number of `lines` and of `keys` that they name."""
    own = CodePlace.objects.filter(repository=OuterRef("pk")).order_by().values("repository")
    return CodeRepository.objects.annotate(
        # For each row that is shown; a join would count the places of all to show the first.
        lines=Coalesce(Subquery(own.annotate(found=Count("pk")).values("found")), 0),
        keys=Coalesce(Subquery(own.annotate(found=Count("key", distinct=True)).values("found")), 0),
    ).order_by("name")


def report_scan(actor: Actor, scan: CodeScan) -> CodeRepository:
    """Put these places in the place of all that were known of the repository; the same scan twice is the same as once.

    Raises NotAllowed, InvalidInput when there are too many repositories, OlderScan when that of a later commit is known.
    """
    _ask_for_right(actor)
    with transaction.atomic():
        # Whoever comes second waits here, also for the first scan of a repository, and compares with what is there then.
        CodeRepository.objects.bulk_create(
            [CodeRepository(name=scan.repository, reported_by=actor.name[:200])], ignore_conflicts=True
        )
        repository = CodeRepository.objects.select_for_update().get(name=scan.repository)
        if CodeRepository.objects.count() > MAX_REPOSITORIES:
            raise InvalidInput.at(
                "repository", f"There are {MAX_REPOSITORIES:,} already: forget one that is gone (DELETE)."
            )
        _refuse_older(repository, scan)
        _replace_places(repository, set(scan.places))
        for name in ("commit", "committed_at", "link", "files"):
            setattr(repository, name, getattr(scan, name))
        repository.scanned_at = clock.now()
        repository.reported_by = actor.name[:200]
        repository.save()
    return repositories().get(pk=repository.pk)


def forget_repository(actor: Actor, name: str) -> None:
    """Delete all that scans found in a repository: it is gone, or is called something else now. Raises NotAllowed, NotFound."""
    _ask_for_right(actor)
    if "\x00" in name or not CodeRepository.objects.filter(name=name).delete()[0]:
        raise NotFound(f"No scan of a repository “{name[:200]}” was reported.")


def _ask_for_right(actor: Actor) -> None:
    if actor.user is not None and actor.role not in REPORTING:
        raise NotAllowed("Only superusers, managers and developers say where code names tests.")


def _refuse_older(repository: CodeRepository, scan: CodeScan) -> None:
    known, given = repository.committed_at, scan.committed_at
    if known is not None and given is not None and given < known:
        raise OlderScan(
            f"Of “{scan.repository}” a scan of the commit {repository.commit[:12] or 'of'} {known:%Y-%m-%d %H:%M} UTC was "
            "reported, which is newer. If the history was rewritten, forget the repository (DELETE) and report again."
        )


def _replace_places(repository: CodeRepository, places: set[Place]) -> None:
    rows = repository.places.order_by().values_list("pk", "key", "kind", "path", "line")
    known = {Place(key, kind, path, line): pk for pk, key, kind, path, line in rows}
    # Between two commits little moves, so most rows stay.
    gone = [pk for place, pk in known.items() if place not in places]
    CodePlace.objects.filter(pk__in=gone).delete()
    CodePlace.objects.bulk_create(
        [
            CodePlace(repository=repository, key=place.key, kind=place.kind, path=place.path, line=place.line)
            for place in sorted(places - known.keys())
        ],
        batch_size=2_000,
    )
