"""Whom the demo's app servers meet, when, and what the SDK decides for them: hits and events as a real shop would send them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from audience.warehouse import get_warehouse
from experiments.lifecycle import Status
from experiments.models import ForcedUser
from usersplit.demo.lives import Period
from usersplit_sdk import Client, Environment, Reason, User
from usersplit_sdk.model import Hit

POOL: Final = 6_500
"""So many of the users come by at all; the others are somewhere else these weeks."""
# Age has nothing to do with where somebody lives or which split group they drew, so these are like all; and it takes a fifth
# of the time to read them.
_SOME: Final = [
    {"filter": "age", "source": "user", "operator": "in", "value": [19, 21, 22, 24, 26, 29, 31, 34, 38, 43]}
]
_SOME_SHARE: Final = 0.3
PRODUCTION, DEVEL = "production", "devel"
_SEED: Final = 42
_PLATFORMS: Final = ("ios", "android", "web", "mobile_web")
_PLATFORM_SHARES: Final = (0.4, 0.3, 0.2, 0.1)
_VERSIONS: Final = ("1.9", "2.0", "2.1", "2.2")
_COMES_AGAIN: Final = 0.2
# Chance that somebody who sees the variant buys something.
_USUAL_CHANCE: Final = 0.05
_CHANCES: Final = {
    ("pay_button_color", "green"): 0.062,
    ("price_labels", "with_tax"): 0.08,
    ("discount_banner", "banner"): 0.055,
    ("confetti", "confetti"): 0.047,
}
# There are no friendlier hints in these languages: the page breaks before its hit is sent.
_BROKEN: Final = {("hint_texts", "friendly"): {"fr", "it", "pl", "tr", "sv", "pt"}}
# A finished test stays in the code of an old app that few still have; this one was cut out at once.
_STILL_ASKED: Final = {"price_labels": 0.04, "loading_skeleton": 0.0, "confetti": 0.0}
_MISTYPED: Final = {"pay_button_color": "pay_buton_color"}
_MISTYPED_DAYS: Final = 3
# In dev so far nobody but the developers has the code.
_NOT_IN_PRODUCTION: Final = {"dark_mode_default"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """A real user of the warehouse with a device, who comes by on this part of the days."""

    user: User
    request: Environment
    activity: float
    language: str


@dataclass(slots=True)
class Traffic:
    """What is sent, by environment; events and the hits of the code with a typo are of production."""

    hits: dict[str, list[Hit]] = field(default_factory=lambda: {PRODUCTION: [], DEVEL: []})
    mistyped: list[Hit] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)


def visitors(now: dt.datetime, *, pool: int = POOL) -> list[Visitor]:
    """Some users of the warehouse, about `pool` of them, and who is forced somewhere; the same ones each time."""
    warehouse = get_warehouse()
    every = max(1, round(warehouse.user_count() * _SOME_SHARE / pool))
    forced = [
        warehouse.user(user_id)
        for user_id in ForcedUser.objects.order_by("pk").values_list("user_id", flat=True)
    ]
    some = itertools.islice(warehouse.iterate_users(_SOME, now), 0, None, every)
    records = {record.id: record for record in (*some, *forced) if record is not None}
    rng = np.random.default_rng(_SEED)
    count = len(records)
    platforms = rng.choice(_PLATFORMS, p=_PLATFORM_SHARES, size=count).tolist()
    versions = rng.choice(_VERSIONS, size=count).tolist()
    activity = rng.beta(1.2, 4.5, size=count).tolist()
    return [
        Visitor(
            User(id=record.id, split_group=record.split_group, attributes=dict(record.attributes)),
            Environment(
                attributes={"platform": platform, "client_version": version}, supported_tests=["ios_paywall"]
            ),
            often,
            str(record.attributes.get("language", "")),
        )
        for record, platform, version, often in zip(
            records.values(), platforms, versions, activity, strict=True
        )
    ]


def traffic(periods: list[Period], people: list[Visitor]) -> Traffic:
    """Everything that was sent in these periods."""
    found = Traffic()
    for number, period in enumerate(periods):
        rng = np.random.default_rng([_SEED, number])
        for environment in (PRODUCTION, DEVEL):
            _visit(found, period, people, environment, rng)
    return found


def _visit(
    found: Traffic, period: Period, people: list[Visitor], environment: str, rng: np.random.Generator
) -> None:
    """Whoever has a variant, on the days on which they come by."""
    share = _share_that_asks(period, environment)
    if not share:
        return
    client = Client.from_documents([period.document], [], environment)
    forced = {row.get("user_id") for row in period.document["forced"] if row["environment"] == environment}
    if environment == DEVEL:
        people = [one for one in people if one.user.attributes.get("is_test_user")]
    asks = rng.random(len(people)) < share
    members = [
        one
        for one, is_there in zip(people, asks, strict=True)
        if is_there and client.get_active_variant(period.key, one.user, one.request, log_hit=False)
    ]
    for visitor, moment in _moments(period, members, forced, rng):
        # As it was at that moment, not as it is now.
        decision = client.explain(period.key, visitor.user, visitor.request, now=moment)
        if decision.variant is None or visitor.language in _BROKEN.get((period.key, decision.variant), ()):
            continue
        hit = Hit(
            test=period.key,
            settings_group=decision.settings_group or 1,
            variant=decision.variant,
            user_id=str(visitor.user.id),
            device_id=None,
            split_group=visitor.user.split_group,
            environment=environment,
            time=moment,
            forced=decision.reason == Reason.FORCED,
            test_user=visitor.user.attributes.get("is_test_user") is True,
        )
        found.hits[environment].append(hit)
        if environment == PRODUCTION:
            _act(found, period, hit, rng)


def _share_that_asks(period: Period, environment: str) -> float:
    if period.status == Status.PAUSED or (environment == PRODUCTION and period.key in _NOT_IN_PRODUCTION):
        return 0.0
    if period.status == Status.FINISHED:
        return _STILL_ASKED.get(period.key, 0.0) if environment == PRODUCTION else 0.0
    return 1.0


def _moments(
    period: Period, members: list[Visitor], forced: set[object], rng: np.random.Generator
) -> Iterator[tuple[Visitor, dt.datetime]]:
    """Day by day, mostly in the afternoon and the evening."""
    # Who tries something out comes every day.
    tries = period.status == Status.DEV
    activity = np.array([1.0 if tries or one.user.id in forced else one.activity for one in members])
    day = period.since.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < period.until:
        here = np.flatnonzero(rng.random(len(members)) < activity)
        seconds = np.clip(rng.normal(16, 4.5, size=len(here)), 0, 23.99) * 3600
        for index, second in zip(here.tolist(), seconds.tolist(), strict=True):
            moment = day + dt.timedelta(seconds=round(second, 3))
            if period.since <= moment < period.until:
                yield members[index], moment
                again = moment + dt.timedelta(hours=float(rng.uniform(1.1, 5)))
                if rng.random() < _COMES_AGAIN and again < period.until:
                    yield members[index], again
        day += dt.timedelta(days=1)


def _act(found: Traffic, period: Period, hit: Hit, rng: np.random.Generator) -> None:
    """Some buy something soon after; and somebody's code has a typo in it."""
    if rng.random() < _CHANCES.get((hit.test, hit.variant), _USUAL_CHANCE):
        bought = hit.time + dt.timedelta(minutes=float(rng.exponential(9)))
        if bought < period.until:
            found.events.append(
                {
                    "event": "order.paid",
                    "user_id": hit.user_id,
                    "environment": PRODUCTION,
                    "time": bought,
                    "value": round(float(rng.gamma(2.0, 16.0)) + 3, 2),
                }
            )
    wrong = _MISTYPED.get(hit.test)
    is_late = period.until - hit.time < dt.timedelta(days=_MISTYPED_DAYS)
    if wrong and is_late and rng.random() < 0.1:
        found.mistyped.append(hit._replace(test=wrong))
