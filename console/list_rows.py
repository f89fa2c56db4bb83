"""What the test list shows of each test, in a number of queries that does not depend on how many there are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.actors import Actor
from accounts.models import Environment, User
from analytics.models import DailyHits, Who
from console.counted import Counted, counted
from console.list_attention import Attention, attention_of
from console.list_wanted import Wanted, ordered
from console.meeting import Spans
from console.timeline import Bar, bar
from core import clock
from experiments.lifecycle import ACTING, UNFINISHED
from experiments.models import Experiment, Kind, Preparation, Variant
from experiments.models.experiment import ExperimentQuerySet, StatusChoices
from experiments.selectors import standing_of, visible_experiments

LIVE_STATES: Final = ("dev", "running", "paused")
_READ: Final = (
    *("kind", "key", "name", "area", "side", "jira_issue", "tags", "status", "started_at", "finished_at"),
    *("current__experiment", "current__starts_at", "current__ends_at"),
)


@dataclass(frozen=True, slots=True)
class VariantUsers:
    """A variant as a cell of the list: `users` is None while nothing is counted, "at most" as many for an upper bound."""

    name: str
    percent: str
    users: int | None
    is_upper_bound: bool


@dataclass(frozen=True, slots=True)
class WorstPair:
    """The unfinished test with which most users are shared while both run: `share` of this test's users in variants (0..1).
    `tests` share some. A share of users that are an upper bound themselves is none: it may be more or less."""

    key: str
    users: int
    share: float
    tests: int
    is_upper_bound: bool
    is_share_upper_bound: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A test in the list, in plain values only: equal rows look alike, so that one that was drawn need not be drawn again.

    `variants` and `worst` are None while nothing is counted, `hits_today` while nothing was delivered.
    """

    pk: int
    key: str
    name: str
    status: str
    area: str
    jira_issue: str
    tags: tuple[str, ...]
    people: str
    newest_state: str
    has_settings: bool
    variants: tuple[VariantUsers, ...] | None
    worst: WorstPair | None
    hits_today: int | None
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    begins_later: bool
    bar: Bar | None
    attention: Attention | None
    may_act: bool

    @property
    def status_label(self) -> str:
        return str(StatusChoices(self.status).label)

    @property
    def is_preparing(self) -> bool:
        return self.newest_state in {"queued", "preparing"}


def with_newest_state(experiments: ExperimentQuerySet) -> ExperimentQuerySet:
    """The same with `current`, and `newest_state`: how far the newest settings are prepared."""
    newest = Preparation.objects.filter(settings_group__experiment=OuterRef("pk")).order_by(
        "-settings_group__number"
    )
    # Texts and conditions are not shown, and with many tests they would be most of what is read.
    rows = experiments.select_related("current").only(*_READ)
    return rows.annotate(newest_state=Subquery(newest.values("state")[:1]))


def list_rows_of(experiments: ExperimentQuerySet, wanted: Wanted) -> ExperimentQuerySet:
    """The same in the order that is wanted, with everything that `rows_of` needs."""
    rows = with_newest_state(experiments)
    if wanted.sort.removeprefix("-") == "hits":
        today = _hits_today().filter(settings_group__experiment=OuterRef("pk")).order_by()
        summed = today.values("settings_group__experiment").annotate(sum=Sum("hits")).values("sum")
        rows = rows.annotate(hits_today=Coalesce(Subquery(summed), 0))
    people = User.objects.only("username", "first_name", "last_name")
    variants = Variant.objects.only("settings_group_id", "position", "name", "split_group_count")
    return ordered(rows, wanted.sort).prefetch_related(
        Prefetch("managers", people), Prefetch("current__variants", variants)
    )


def rows_of(actor: Actor, experiments: Sequence[Experiment]) -> list[Row]:
    """The rows of these tests, in their order."""
    counts = counted(one.current_id for one in experiments if one.current_id is not None)
    unfinished = {
        one.pk: one.current_id
        for one in experiments
        if one.status in UNFINISHED and one.current_id is not None
    }
    worst = worst_pairs(actor, unfinished, counts)
    hits = _hits_of(experiments)
    attention = attention_of(experiments)
    now = clock.now()
    rows = []
    for one in experiments:
        starts_at, ends_at = _dates(one)
        rows.append(
            Row(
                **{
                    name: getattr(one, name) for name in ("pk", "key", "name", "status", "area", "jira_issue")
                },
                tags=tuple(one.tags),
                people=", ".join(map(str, one.managers.all())),
                newest_state=getattr(one, "newest_state", None) or "",
                has_settings=one.current_id is not None,
                variants=_variants(one, counts),
                worst=worst.get(one.pk),
                hits_today=hits.get(one.pk, 0) if one.status in LIVE_STATES else hits.get(one.pk),
                # What ended before it began never ran; when it ended is all there is to say.
                starts_at=None if starts_at and ends_at and ends_at <= starts_at else starts_at,
                ends_at=ends_at,
                begins_later=starts_at is not None and starts_at > now,
                bar=bar(starts_at, ends_at, now) if one.current_id else None,
                attention=attention.get(one.pk),
                may_act=standing_of(actor, one) in ACTING,
            )
        )
    return rows


def _dates(one: Experiment) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When it gives variants, as far as is known: its settings' dates within what was started and finished."""
    current = one.current
    starts = [moment for moment in (current and current.starts_at, one.started_at) if moment]
    ends = [moment for moment in (current and current.ends_at, one.finished_at) if moment]
    return max(starts, default=None), min(ends, default=None)


def _variants(one: Experiment, counts: Mapping[int, Counted]) -> tuple[VariantUsers, ...] | None:
    if one.current is None:
        return None
    count = counts.get(one.current.pk)
    return tuple(
        VariantUsers(
            variant.name,
            variant.percent,
            None if count is None else count.users_of(variant.position),
            count is not None and count.is_upper_bound,
        )
        for variant in one.current.variants.all()
    )


def worst_pairs(
    actor: Actor, unfinished: Mapping[int, int], counts: Mapping[int, Counted]
) -> dict[int, WorstPair]:
    """Of unfinished tests (primary key → current settings group): the one among those that this actor may know of with which it
    shares most users while both run. Those that share with nobody are left out, as those are that own all split groups: nobody
    can avoid them. One query."""
    if not unfinished:
        return {}
    visible = visible_experiments(actor, Kind.TEST).filter(status__in=UNFINISHED, current__isnull=False)
    rows = list(
        visible.order_by("current").values_list("current", "key", "current__starts_at", "current__ends_at")
    )
    known = np.array([row[0] for row in rows], dtype=np.int64)
    spans = Spans.of(((row[2], row[3]) for row in rows), clock.now())
    found = {}
    for pk, settings_group in unfinished.items():
        count = counts.get(settings_group)
        mine = int(np.searchsorted(known, settings_group))
        if count is None or mine == len(known) or known[mine] != settings_group:
            continue
        places = np.searchsorted(known, count.others).clip(max=len(known) - 1)
        fits = (known[places] == count.others) & ~count.unavoidable & spans.meeting(mine, places)
        # The most shared stand first.
        shared_with = np.flatnonzero(fits)
        if len(shared_with):
            worst = int(shared_with[0])
            users, key = int(count.shared[worst]), rows[places[worst]][1]
            is_bound = bool(count.bounds[worst])
            found[pk] = WorstPair(
                key=key,
                users=users,
                share=users / count.users,
                tests=len(shared_with),
                is_upper_bound=is_bound,
                is_share_upper_bound=is_bound and not count.is_upper_bound,
            )
    return found


def computed_order(actor: Actor, experiments: ExperimentQuerySet, sort: str) -> list[int]:
    """The primary keys in an order that the database does not know (COMPUTED_SORTS): by users who get a variant, or by the largest
    overlap. The unknown stand last either way, and of equals the newer first. Two queries."""
    columns = experiments.order_by("-id").values_list("pk", "current_id", "status")
    found: list[tuple[int, int | None, str]] = list(columns)
    counts = counted(group for _, group, _ in found if group is not None)
    if sort.removeprefix("-") == "users":
        known = {
            pk: float(counts[group].users) for pk, group, _ in found if group is not None and group in counts
        }
    else:
        unfinished = {pk: group for pk, group, status in found if status in UNFINISHED and group is not None}
        known = {pk: worst.share for pk, worst in worst_pairs(actor, unfinished, counts).items()}
    ids = [pk for pk, _, _ in found]
    first = sorted((pk for pk in ids if pk in known), key=known.__getitem__, reverse=sort.startswith("-"))
    return first + [pk for pk in ids if pk not in known]


def in_order(experiments: Iterable[Experiment], ids: Sequence[int]) -> list[Experiment]:
    """The experiments as the ids stand; without those that are gone meanwhile."""
    found = {one.pk: one for one in experiments}
    return [found[pk] for pk in ids if pk in found]


def _hits_of(experiments: Collection[Experiment]) -> dict[int, int]:
    rows = _hits_today().filter(settings_group__experiment__in=[one.pk for one in experiments])
    return dict(rows.order_by().values_list("settings_group__experiment").annotate(Sum("hits")))


def _hits_today() -> QuerySet[DailyHits]:
    """Of users, from production, since midnight UTC."""
    today = clock.now().astimezone(dt.UTC).date()
    return DailyHits.objects.filter(day=today, environment=Environment.PRODUCTION, who=Who.USERS)
