"""A console that has been used for years: a thousand tests with draws, counts, hits and changelog, written as rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from accounts.models import Environment, Role, User
from analytics.models import DailyHits, HourlyHits, TotalHits, Who
from changelog.models import Entry, SubjectKind, Verb
from core import clock
from experiments.models import (
    AudienceCount,
    Draw,
    Experiment,
    Kind,
    Preparation,
    PreparationState,
    SettingsGroup,
    Side,
    Variant,
)
from experiments.percents import SPLIT_GROUPS

AREAS: Final = ("payments", "start page", "search", "chat", "profile", "mail", "onboarding", "shop")
MANAGERS: Final = 12
USERS_A_GROUP: Final = 400
AUDIENCES: Final = 20
DAYS_OF_HITS: Final = 14
# The way of the lifecycle to each status, one update a step: the database lets nobody jump.
_WAYS: Final = {
    "draft": (),
    "dev": ("dev",),
    "running": ("dev", "running"),
    "paused": ("dev", "running", "paused"),
    "finished": ("dev", "running", "finished"),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are of each."""

    running: int = 200
    paused: int = 25
    dev: int = 50
    draft: int = 75
    finished: int = 650
    groups: int = 40

    @property
    def tests(self) -> int:
        return self.running + self.paused + self.dev + self.draft + self.finished


def make_ground(size: Size, prefix: str = "") -> User:
    """Write everything; the superuser who looks at it. The prefix keeps one ground's keys and names from another's."""
    rng = np.random.default_rng(1)
    boss = User.objects.create(
        username=f"{prefix}boss", role=Role.SUPERUSER, is_superuser=True, is_staff=True
    )
    people = User.objects.bulk_create(
        User(username=f"{prefix}manager_{number}", first_name=f"Manager {number}", role=Role.MANAGER)
        for number in range(MANAGERS)
    )
    statuses = [name for name in _WAYS for _ in range(getattr(size, name))]
    rng.shuffle(statuses)
    tests = _experiments(Kind.TEST, statuses, prefix, rng)
    groups = _experiments(Kind.GROUP, ["running"] * size.groups, prefix, rng)
    through = Experiment.managers.through
    through.objects.bulk_create(
        through(experiment=one, user=person)
        for number, one in enumerate([*tests, *groups])
        for person in (people[number % MANAGERS], *([boss] if number % 10 == 0 else []))
    )
    settings_groups = _settings([*tests, *groups], rng)
    drawn = [settings_groups[one.pk] for one in tests]
    _walk([*tests, *groups], [*statuses, *["running"] * size.groups], settings_groups)
    live = [
        group.pk for group, status in zip(drawn, statuses, strict=True) if status not in {"draft", "finished"}
    ]
    _draws(drawn, live, rng)
    _hits([(group, status) for group, status in zip(drawn, statuses, strict=True) if status != "draft"], rng)
    _entries([*tests, *groups], boss)
    return boss


def _experiments(
    kind: Kind, statuses: Sequence[str], prefix: str, rng: np.random.Generator
) -> list[Experiment]:
    now = clock.now()
    return Experiment.objects.bulk_create(
        Experiment(
            kind=kind,
            key=f"{prefix}{kind.value}_{number}",
            name=f"The {kind.label.lower()} number {number} of them",
            area=AREAS[number % len(AREAS)],
            side=Side.SERVER,
            jira_issue=f"PAY-{number + 1}",
            tags=["winter"] if number % 7 == 0 else [],
            created_at=now - dt.timedelta(days=int(rng.integers(30, 900))),
            hypothesis="More people find the button when it is green. " * 4,
        )
        for number in range(len(statuses))
    )


def _settings(experiments: Sequence[Experiment], rng: np.random.Generator) -> dict[int, SettingsGroup]:
    now = clock.now()
    groups = SettingsGroup.objects.bulk_create(
        SettingsGroup(
            experiment=one,
            number=1,
            starts_at=now - dt.timedelta(days=int(rng.integers(5, 25))),
            ends_at=now + dt.timedelta(days=int(rng.integers(5, 60))) if number % 3 else None,
            conditions=_conditions(number),
            message="",
        )
        for number, one in enumerate(experiments)
    )
    Variant.objects.bulk_create(
        Variant(
            settings_group=group, position=position, name=name, split_group_count=60, is_control=position == 1
        )
        for group in groups
        if group.experiment.is_test
        for position, name in enumerate(("control", "green"), 1)
    )
    Preparation.objects.bulk_create(
        Preparation(settings_group=group, state=PreparationState.READY, progress=100) for group in groups
    )
    return {group.experiment_id: group for group in groups}


def _conditions(number: int) -> list[Any]:
    age = {"filter": "age", "source": "user", "operator": "gte", "value": 18 + number % AUDIENCES}
    return [age, "AND", {"filter": "country_id", "source": "user", "operator": "in", "value": [40, 276]}]


def _walk(
    experiments: Sequence[Experiment], statuses: Sequence[str], settings_groups: dict[int, SettingsGroup]
) -> None:
    now = clock.now()
    for one in experiments:
        one.current = settings_groups[one.pk]
    Experiment.objects.bulk_update(experiments, ["current"])
    for status in ("dev", "running", "paused", "finished"):
        ids = [one.pk for one, end in zip(experiments, statuses, strict=True) if status in _WAYS[end]]
        rows = Experiment.objects.filter(pk__in=ids)
        match status:
            case "dev":
                rows.update(status=status, published_at=now - dt.timedelta(days=31))
            case "running":
                rows.update(status=status, started_at=now - dt.timedelta(days=30))
            case "paused":
                rows.update(status=status)
            case _:
                # User groups never get here: nothing of them ends.
                rows.update(status=status, finished_at=now - dt.timedelta(days=4), outcome="rejected")


def _draws(drawn: Sequence[SettingsGroup], live: Sequence[int], rng: np.random.Generator) -> None:
    """Live tests are counted with each other; tests of one audience share the same users, as in life."""
    users = rng.poisson(USERS_A_GROUP, (AUDIENCES, SPLIT_GROUPS)).astype(np.int64)
    rows = {pk: (users[place % AUDIENCES] // 2, ()) for place, pk in enumerate(live)}
    chosen = frozenset(live)
    counts = []
    for group in drawn:
        mine = users[group.pk % AUDIENCES]
        shared = {pk: row for pk, row in rows.items() if pk != group.pk} if group.pk in chosen else {}
        counts.append(
            AudienceCount.packed(shared, settings_group=group, users=mine.tolist(), warehouse_version="bench")
        )
    AudienceCount.objects.bulk_create(counts, batch_size=100)
    Draw.objects.bulk_create(
        (
            Draw(
                settings_group=count.settings_group,
                count=count,
                owners=_owners(rng).tolist(),
                objective=count.settings_group.draw_objective,
                seed=1,
                log={},
            )
            for count in counts
        ),
        batch_size=100,
    )


def _owners(rng: np.random.Generator) -> npt.NDArray[np.int16]:
    owners = np.zeros(SPLIT_GROUPS, dtype=np.int16)
    owners[rng.permutation(SPLIT_GROUPS)[:120]] = np.repeat([1, 2], 60)
    return owners


def _hits(hit: Sequence[tuple[SettingsGroup, str]], rng: np.random.Generator) -> None:
    now = clock.now()
    today = now.astimezone(dt.UTC).date()
    hour = now.replace(minute=0, second=0, microsecond=0)
    totals, daily, hourly = [], [], []
    for group, status in hit:
        last = now if status == "running" else now - dt.timedelta(days=5)
        for variant in ("control", "green"):
            of: dict[str, Any] = {
                "settings_group": group,
                "variant": variant,
                "environment": Environment.PRODUCTION,
                "who": Who.USERS,
                "hits": int(rng.integers(1_000, 90_000)),
                "users": int(rng.integers(500, 25_000)),
                "first_at": last - dt.timedelta(days=20),
                "last_at": last,
                "users_counted_at": now,
            }
            totals.append(TotalHits(**of))
            if status == "running":
                daily += [DailyHits(**of, day=today - dt.timedelta(days=day)) for day in range(DAYS_OF_HITS)]
                hourly += [HourlyHits(**of, hour=hour - dt.timedelta(hours=past)) for past in range(24)]
    TotalHits.objects.bulk_create(totals)
    DailyHits.objects.bulk_create(daily)
    HourlyHits.objects.bulk_create(hourly, batch_size=5_000)


def _entries(experiments: Sequence[Experiment], boss: User) -> None:
    Entry.objects.bulk_create(
        Entry(
            actor=boss,
            actor_name=str(boss),
            by_machine=False,
            subject_kind=SubjectKind(one.kind),
            subject_key=one.key,
            subject_id=one.pk,
            verb=verb,
            message=f"Something about {one.name}",
        )
        for one in experiments
        for verb in (Verb.CREATE, Verb.EDIT, Verb.ADD_SETTINGS_GROUP, Verb.PUBLISH, Verb.START)
    )
