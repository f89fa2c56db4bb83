"""What every engine answers alike; an engine says how it is asked, and how it is written to."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from analytics.models import Stream
from analytics.store.base import (
    EVENTS_SHOWN,
    HITS_SHOWN,
    EventOutcome,
    Grain,
    Outcomes,
    StoredHit,
    UserCount,
)
from analytics.store.questions import Questions, moment_of
from analytics.store.shapes import DEVICE, USER

Row = Sequence[Any]
Ask = Callable[[str], Sequence[Row]]


class SqlItemStore(ABC):
    """See `base.ItemStore` for what the methods answer."""

    questions: Questions

    @abstractmethod
    def asking(
        self, streams: Collection[Stream], since: dt.datetime | None, until: dt.datetime | None
    ) -> AbstractContextManager[Ask]:
        """Something to ask with, all rows of an answer at once, about these streams in this time. One time limit for the
        block; raises StoreError."""

    def count_users(
        self,
        group_ids: Collection[int],
        since: dt.datetime | None,
        until: dt.datetime | None,
        by: Grain | None,
    ) -> list[UserCount]:
        if not group_ids:
            return []
        with self.asking([Stream.HITS], since, until) as ask:
            rows = ask(self.questions.count_users(group_ids, since, until, by))
        return [
            UserCount(int(group_id), variant, environment, who, moment_of(moment) if by else None, int(users))
            for group_id, variant, environment, who, moment, users in rows
        ]

    def hits_of(
        self,
        user_id: str | None,
        device_id: str | None,
        *,
        test: str | None = None,
        since: dt.datetime | None = None,
        limit: int = HITS_SHOWN,
    ) -> list[StoredHit]:
        # No text in the store has one, and PostgreSQL takes none in a question either.
        if not (user_id or device_id) or "\0" in f"{user_id}{device_id}{test}":
            return []
        with self.asking([Stream.HITS], since, None) as ask:
            return [
                _hit(row) for row in ask(self.questions.hits_of(user_id, device_id, test, since, None, limit))
            ]

    def exposed(
        self,
        group_id: int,
        environment: str,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Outcomes:
        with self.asking([Stream.HITS], since, until) as ask:
            return _exposed(ask(self.questions.users_exposed(group_id, environment, since, until)))

    def outcomes(
        self,
        group_id: int,
        environment: str,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Outcomes:
        with self.asking([Stream.HITS, Stream.EVENTS], since, until) as ask:
            exposed = _exposed(ask(self.questions.users_exposed(group_id, environment, since, until)))
            rows = ask(self.questions.events_of_exposed(group_id, environment, since, until, EVENTS_SHOWN))
        left_out = int(rows[0][-1]) - len({row[0] for row in rows}) if rows else 0
        return replace(exposed, events=tuple(map(_event, rows)), events_left_out=left_out)


def _exposed(rows: Sequence[Row]) -> Outcomes:
    users = {variant: int(seen) for variant, seen in sorted(map(tuple, rows))}
    in_several = users.pop("", 0)
    return Outcomes(users, in_several)


def _hit(row: Row) -> StoredHit:
    group_id, test, number, variant, visitor, device, split_group, environment, moment, forced, test_user = (
        row
    )
    return StoredHit(
        int(group_id),
        test,
        int(number),
        variant,
        visitor.removeprefix(USER) if visitor.startswith(USER) else None,
        (visitor.removeprefix(DEVICE) if visitor.startswith(DEVICE) else device) or None,
        int(split_group) or None,
        environment,
        moment_of(moment),
        bool(forced),
        bool(test_user),
    )


def _event(row: Row) -> EventOutcome:
    name, variant, users, events, events_squared, value, value_squared, _ = row
    return EventOutcome(
        name, variant, int(users), int(events), int(events_squared), float(value), float(value_squared)
    )
