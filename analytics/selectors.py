"""Questions about counted hits. Nothing here reads single hits: those lie in the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from django.db.models import Max, Min, QuerySet, Sum

from accounts.actors import Actor
from accounts.models import Environment
from analytics.models import DailyHits, HourlyHits, SampleRatioWatch, TotalHits, UnknownHits, Who
from experiments.models import AudienceCount, Draw, Experiment, SettingsGroup
from experiments.selectors import hidden_keys


@dataclass(frozen=True, slots=True)
class CountedAudience:
    """Users per variant of a settings group by its newest count, for which a user's hits are expected. `is_upper_bound`: some
    filters could not be counted."""

    users: Mapping[str, int]
    counted_at: dt.datetime
    is_upper_bound: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Hits of one hour or day (it begins at `at`) and variant. `users` and `hits` are without forced and test users."""

    at: dt.datetime
    variant: str
    users: int = 0
    hits: int = 0
    forced_hits: int = 0
    test_user_hits: int = 0


def counted_audience(settings_group: SettingsGroup) -> CountedAudience | None:
    """None while nothing is counted or drawn."""
    # Without what it shares with other tests, which may be large.
    count = (
        AudienceCount.objects.filter(settings_group=settings_group)
        .order_by("-id")
        .values_list("users", "counted_at", "not_counted")
        .first()
    )
    owners = Draw.objects.filter(settings_group=settings_group).values_list("owners", flat=True).first()
    if count is None or owners is None:
        return None
    users, counted_at, not_counted = count
    variants = settings_group.variants.order_by("position").values_list("position", "name")
    sums = np.bincount(np.asarray(owners), weights=np.asarray(users, dtype=np.float64), minlength=1)
    return CountedAudience(
        {name: int(sums[position]) if position < len(sums) else 0 for position, name in variants},
        counted_at,
        is_upper_bound=bool(not_counted),
    )


def settings_groups_of(experiment: Experiment) -> list[SettingsGroup]:
    """Those that can have hits, the newest first: they were current once, or somebody sent hits for them."""
    seen = TotalHits.objects.filter(settings_group__experiment=experiment).values("settings_group")
    prepared = experiment.settings_groups.filter(pk__in=seen)
    if experiment.current_id is not None:
        prepared |= experiment.settings_groups.filter(pk=experiment.current_id)
    return list(prepared.order_by("-number"))


def total_hits(settings_group: SettingsGroup, environment: str) -> QuerySet[TotalHits]:
    """A row for each variant and kind of users that was seen."""
    return TotalHits.objects.filter(settings_group=settings_group, environment=environment)


def smallest_p(settings_group: SettingsGroup) -> float:
    """The smallest always-valid p so far, 1 before the first look."""
    watch = SampleRatioWatch.objects.filter(settings_group=settings_group)
    found = watch.values_list("smallest_p", flat=True).first()
    return 1.0 if found is None else found


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the latest hit, None when there is none; `hits` of all kinds of users."""

    first_at: dt.datetime | None
    last_at: dt.datetime | None
    hits: int


def span_of(experiment: Experiment, environment: str) -> Span:
    """Of all settings groups of a test."""
    rows = TotalHits.objects.filter(settings_group__experiment=experiment, environment=environment)
    found = rows.aggregate(first=Min("first_at"), last=Max("last_at"), hits=Sum("hits"))
    return Span(found["first"], found["last"], found["hits"] or 0)


def last_hits(experiments: Collection[Experiment]) -> Mapping[int, dt.datetime]:
    """When the latest hit from production came for each of these tests that has any, by primary key. One query."""
    rows = TotalHits.objects.filter(
        settings_group__experiment__in=[one.pk for one in experiments], environment=Environment.PRODUCTION
    )
    latest = rows.order_by().values_list("settings_group__experiment").annotate(at=Max("last_at"))
    return dict(latest)


def hits_after(experiment: Experiment, moment: dt.datetime) -> int:
    """Hits from production in whole hours that began after `moment`."""
    rows = HourlyHits.objects.filter(
        settings_group__experiment=experiment, environment=Environment.PRODUCTION, hour__gt=moment
    )
    return rows.aggregate(hits=Sum("hits"))["hits"] or 0


def moments(
    settings_group: SettingsGroup,
    environment: str,
    by: str,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    most: int | None = None,
) -> list[Moment]:
    """What was seen per hour or day and variant, in the order of time; `since <= at < until`, of at most `most` hours or days.

    A day counts when it begins in the range.
    """
    field = "hour" if by == "hour" else "day"
    rows: QuerySet[HourlyHits] | QuerySet[DailyHits] = (
        HourlyHits.objects.all() if by == "hour" else DailyHits.objects.all()
    )
    rows = rows.filter(settings_group=settings_group, environment=environment)
    if since is not None:
        rows = rows.filter(**{f"{field}__gte": since if by == "hour" else _first_day(since)})
    if until is not None:
        rows = rows.filter(**{f"{field}__lt": until if by == "hour" else _first_day(until)})
    if most is not None:
        # Whole hours: the first `most` of them, and everything in each.
        ordered = rows.order_by(field).values_list(field, flat=True).distinct()
        kept = list(islice(ordered[:most], most))
        rows = rows.filter(**{f"{field}__in": kept})
    cells: dict[tuple[dt.datetime, str], dict[str, int]] = {}
    for at, variant, who, hits, users in rows.order_by(field, "variant").values_list(
        field, "variant", "who", "hits", "users"
    ):
        cell = cells.setdefault((_as_moment(at), variant), {})
        if who == Who.USERS:
            cell |= {"hits": hits, "users": users}
        else:
            cell["forced_hits" if who == Who.FORCED else "test_user_hits"] = hits
    return [Moment(at, variant, **cell) for (at, variant), cell in cells.items()]


def _first_day(moment: dt.datetime) -> dt.date:
    """The first day (UTC) that begins at or after the moment."""
    utc = moment.astimezone(dt.UTC)
    return utc.date() if utc.time() == dt.time() else utc.date() + dt.timedelta(days=1)


def _as_moment(at: dt.datetime | dt.date) -> dt.datetime:
    return at if isinstance(at, dt.datetime) else dt.datetime.combine(at, dt.time(), dt.UTC)


def unknown_hits(actor: Actor) -> QuerySet[UnknownHits]:
    """Hits for what does not exist, the latest first; without the drafts that this actor cannot know of."""
    rows = UnknownHits.objects.order_by("-last_at", "-id")
    keys = set(rows.exclude(why=UnknownHits.Why.TEST).values_list("test", flat=True).distinct())
    return rows.exclude(test__in=hidden_keys(actor, keys))


def tests_with_hits(settings_group_ids: Collection[int]) -> dict[int, SettingsGroup]:
    """Settings groups with their tests, by id."""
    return SettingsGroup.objects.select_related("experiment").in_bulk(list(settings_group_ids))
