"""What the hits of a settings group say: per variant and over time, beside what was to be expected."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from accounts.models import Environment
from analytics.models import TotalHits, Who
from analytics.selectors import CountedAudience, counted_audience, smallest_p, total_hits
from analytics.srm import Reason, SampleRatio, sample_ratio, unknown
from analytics.store import StoreError, get_store
from experiments.models import Experiment, Outcome, SettingsGroup

NOBODY: Final[Mapping[str, int]] = {"hits": 0, "users": 0}


@dataclass(frozen=True, slots=True)
class VariantHits:
    """A variant: hits and different users that count, `compared` of whom are compared (None while nobody can tell; fewer once a
    winner was declared), their `share`, and what the counted `audience` lets expect (None while it is not counted). Forced and
    test users stand apart."""

    name: str
    is_control: bool
    hits: int
    users: int
    compared: int | None
    share: float | None
    audience: int | None
    expected_share: float | None
    forced_hits: int
    forced_users: int
    test_user_hits: int
    test_users: int

    @property
    def shown_users(self) -> int:
        """Those whom share and expectation are about, as far as anybody can tell."""
        return self.users if self.compared is None else self.compared

    @property
    def later_users(self) -> int:
        """Those who saw it first after the winner was declared."""
        return self.users - self.shown_users


@dataclass(frozen=True, slots=True)
class HitsReport:
    """The hits of a settings group in one environment, all of them since its beginning. `first_at` and `last_at` are of all hits,
    `counted_from` is the first of a user who is neither forced nor a test user.

    `users_counted_at`: users are exact as of then, None before the first count; `is_counting`: hits came since. `seen_until` is the
    moment at which the test was finished with a winner, whose hits since then are no random sample: users up to then are compared.
    """

    settings_group: SettingsGroup
    environment: str
    variants: list[VariantHits]
    hits: int
    users: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    counted_from: dt.datetime | None
    users_counted_at: dt.datetime | None
    is_counting: bool
    audience: CountedAudience | None
    ratio: SampleRatio
    seen_until: dt.datetime | None

    @property
    def has_later(self) -> bool:
        """Whether users who came after the winner was declared stand apart from those who are compared."""
        return any(one.compared is not None and one.compared < one.users for one in self.variants)

    @property
    def has_others(self) -> bool:
        """Whether forced or test users were seen."""
        return any(one.forced_hits or one.test_user_hits for one in self.variants)


def hits_report(settings_group: SettingsGroup, environment: str) -> HitsReport:
    """From counters alone; the store is asked only about a test that was finished with a winner and is still asked for."""
    rows = list(total_hits(settings_group, environment))
    audience = counted_audience(settings_group)
    mine = [row for row in rows if row.who == Who.USERS]
    experiment = settings_group.experiment
    last_at = max((row.last_at for row in rows), default=None)
    seen_until = winner_everywhere_since(experiment)
    counted_at = [row.users_counted_at for row in mine]
    is_counted = all(at is not None for at in counted_at)
    ratio, compared = _ratio(settings_group, environment, mine, audience, seen_until, is_counted=is_counted)
    variants = _variants(settings_group, rows, compared, audience)
    return HitsReport(
        settings_group=settings_group,
        environment=environment,
        variants=variants,
        hits=sum(row.hits for row in mine),
        users=sum(row.users for row in mine),
        first_at=min((row.first_at for row in rows), default=None),
        last_at=last_at,
        counted_from=min((row.first_at for row in mine), default=None),
        users_counted_at=min((at for at in counted_at if at), default=None) if is_counted else None,
        is_counting=any(
            row.users_counted_at is None or row.users_counted_at < row.changed_at for row in mine
        ),
        audience=audience,
        ratio=ratio,
        seen_until=seen_until if seen_until and last_at and last_at > seen_until else None,
    )


def winner_everywhere_since(experiment: Experiment) -> dt.datetime | None:
    """From then on split groups decide no longer who gets the winner."""
    return experiment.finished_at if experiment.outcome == Outcome.WINNER else None


def _variants(
    settings_group: SettingsGroup,
    rows: Sequence[TotalHits],
    compared: Mapping[str, int],
    audience: CountedAudience | None,
) -> list[VariantHits]:
    found = {(row.variant, row.who): {"hits": row.hits, "users": row.users} for row in rows}
    users = sum(compared.values())
    counted = audience.users if audience else {}
    in_all = sum(counted.values())

    def of(name: str, is_control: bool) -> VariantHits:
        mine, forced, tests = (
            found.get((name, who), NOBODY) for who in (Who.USERS, Who.FORCED, Who.TEST_USERS)
        )
        return VariantHits(
            name=name,
            is_control=is_control,
            hits=mine["hits"],
            users=mine["users"],
            compared=compared.get(name, 0) if users else None,
            share=compared.get(name, 0) / users if users else None,
            audience=counted.get(name),
            expected_share=counted.get(name, 0) / in_all if in_all else None,
            forced_hits=forced["hits"],
            forced_users=forced["users"],
            test_user_hits=tests["hits"],
            test_users=tests["users"],
        )

    return [of(one.name, one.is_control) for one in settings_group.variants.order_by("position")]


def _ratio(
    settings_group: SettingsGroup,
    environment: str,
    mine: Sequence[TotalHits],
    audience: CountedAudience | None,
    seen_until: dt.datetime | None,
    *,
    is_counted: bool,
) -> tuple[SampleRatio, Mapping[str, int]]:
    """The verdict, and the users who are compared: those since the beginning, until a winner was declared."""
    seen: Mapping[str, int] = {row.variant: row.users for row in mine}
    if environment != Environment.PRODUCTION:
        return unknown(Reason.NOT_PRODUCTION), seen
    if not is_counted:
        return unknown(Reason.USERS_NOT_COUNTED), seen
    if seen_until is not None and any(row.last_at > seen_until for row in mine):
        try:
            seen = _users_until(settings_group, environment, seen_until)
        except StoreError:
            return unknown(Reason.STORE_UNAVAILABLE), {}
    ratio = sample_ratio(seen, audience.users if audience else None, smallest_p(settings_group))
    return ratio, seen


def _users_until(settings_group: SettingsGroup, environment: str, until: dt.datetime) -> dict[str, int]:
    counted = get_store().count_users([settings_group.pk], None, until, None)
    return {
        one.variant: one.users for one in counted if one.environment == environment and one.who == Who.USERS
    }


def users_in_several(settings_group: SettingsGroup, environment: str) -> int:
    """Users who saw more than one variant of these settings. Raises StoreError."""
    until = winner_everywhere_since(settings_group.experiment)
    return get_store().exposed(settings_group.pk, environment, None, until).in_several
