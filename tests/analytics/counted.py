"""Rows of counted hits, as folding and counting leave them, and a store that answers what a test wants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from analytics import reports, views_user_hits
from analytics.models import DailyHits, HourlyHits, TotalHits, Who
from analytics.store import Outcomes, StoredHit, StoreError, UserCount
from core import clock
from experiments.models import SettingsGroup

HOUR = dt.timedelta(hours=1)


def count_hits(
    settings_group: SettingsGroup,
    variant: str,
    hits: int,
    users: int,
    *,
    ago: dt.timedelta = HOUR,
    who: Who = Who.USERS,
    environment: str = "production",
    users_counted: bool = True,
) -> None:
    """So many hits of so many users, all in one hour."""
    at = clock.now() - ago
    hour = at.replace(minute=0, second=0, microsecond=0)
    same: dict[str, Any] = {
        "settings_group": settings_group,
        "variant": variant,
        "environment": environment,
        "who": who,
    }
    for rows, when in (
        (HourlyHits.objects, {"hour": hour}),
        (DailyHits.objects, {"day": hour.date()}),
        (TotalHits.objects, {}),
    ):
        row, _ = rows.get_or_create(
            **same, **when, defaults={"hits": 0, "users": 0, "first_at": at, "last_at": at}
        )
        row.hits += hits
        row.users += users
        row.first_at, row.last_at = min(row.first_at, at), max(row.last_at, at)
        row.changed_at = clock.now()
        row.users_counted_at = clock.now() if users_counted else None
        row.save()


@dataclass
class FakeStore:
    """Answers what it was given; `fails` with this detail."""

    counts: Sequence[UserCount] = ()
    hits: Sequence[StoredHit] = ()
    in_several: int = 0
    outcome: Outcomes | None = None
    fails: str = ""
    asked: list[Any] = field(default_factory=list)

    def count_users(self, *arguments: Any) -> list[UserCount]:
        self._answer(arguments)
        return list(self.counts)

    def outcomes(self, *arguments: Any) -> Outcomes:
        self._answer(arguments)
        return self.outcome or Outcomes(in_several=self.in_several)

    def exposed(self, *arguments: Any) -> Outcomes:
        return self.outcomes(*arguments)

    def hits_of(self, user_id: str | None, device_id: str | None, **more: Any) -> list[StoredHit]:
        self._answer((user_id, device_id, more))
        return list(self.hits)[: more["limit"]]

    def _answer(self, question: Any) -> None:
        self.asked.append(question)
        if self.fails:
            raise StoreError(self.fails)


def use_store(monkeypatch: pytest.MonkeyPatch, store: FakeStore) -> FakeStore:
    """Whoever asks for the store gets this one."""
    for module in (reports, views_user_hits):
        monkeypatch.setattr(module, "get_store", lambda: store)
    return store
