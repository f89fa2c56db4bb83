"""App servers as people and programs see them: what each runs, and how far that is behind."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Case, F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from accounts.models import Environment
from core import clock
from delivery.app_servers import ALIVE, live_servers
from delivery.models import AppServer, Manifest
from delivery.selectors import newest_edition


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers of one environment: how many were heard of in the last minute, and how many of these run the newest version."""

    environment: Environment
    alive: int
    current: int

    @property
    def behind(self) -> int:
        return self.alive - self.current


def newest_version() -> int:
    """The version that servers should run; 0 before the first delivery."""
    edition = newest_edition()
    return edition.version if edition else 0


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest version, when it was published, and how many files it lists."""

    version: int
    published_at: dt.datetime
    files: int


def newest_manifest_facts() -> Newest | None:
    """None before the first delivery. The files are counted where they lie, as they may be thousands."""
    listed = Func(
        F("files"),
        function="jsonb_object_keys",
        template="(SELECT count(*) FROM %(function)s(%(expressions)s))",
        output_field=IntegerField(),
    )
    row = (
        Manifest.objects.order_by("-version")
        .annotate(listed=listed)
        .values_list("version", "published_at", "listed")
        .first()
    )
    return Newest(*row) if row else None


def app_servers(environment: str = "", search: str = "") -> QuerySet[AppServer]:
    """All that were heard of in the last day, with `token`; those that need a look come first: alive and behind.

    Added to each: `is_alive` (1 or 0), `published_at` of the version that it runs, and `behind_since`, when the first version
    after it was published (None for the newest).
    """
    published = Manifest.objects.order_by("version").values("published_at")
    found = AppServer.objects.select_related("token").annotate(
        is_alive=Case(
            When(seen_at__gt=clock.now() - ALIVE, then=Value(1)),
            default=Value(0),
            output_field=IntegerField(),
        ),
        published_at=Subquery(published.filter(version=OuterRef("version"))[:1]),
        behind_since=Subquery(published.filter(version__gt=OuterRef("version"))[:1]),
    )
    if environment:
        found = found.filter(environment=environment)
    if search:
        found = found.filter(Q(instance__icontains=search) | Q(token__name__icontains=search))
    return found.order_by("-is_alive", "version", "instance", "pk")


def fleets() -> list[Fleet]:
    """Every environment, with or without servers."""
    newest = newest_version()
    versions = live_servers().values_list("environment", "version")
    found = []
    for environment in Environment:
        own = [version for name, version in versions if name == environment]
        found.append(Fleet(environment, len(own), sum(version >= newest for version in own)))
    return found
