"""The fields above the list of user groups and above the changelog. What makes no sense there is left out, never an error page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from changelog.models import SubjectKind, Verb
from experiments.history import EntrySearch
from experiments.lifecycle import Status
from experiments.list_rows import Wanted

_LONGEST = 100


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """What the list is asked for, from the address."""
    status = query.get("status", "")
    return Wanted(
        text=_text(query, "q"),
        area=_text(query, "area"),
        manager=_text(query, "manager"),
        status=status if status in set(Status) else "",
    )


def read_entry_search(query: Mapping[str, str]) -> EntrySearch:
    """What the changelog is asked for, from the address."""
    kind, verb = query.get("kind", ""), query.get("verb", "")
    return EntrySearch(
        key=_text(query, "key"),
        person=_text(query, "person"),
        kind=kind if kind in SubjectKind.values else "",
        verb=verb if verb in Verb.values else "",
        first_day=_day(query, "from"),
        last_day=_day(query, "to"),
        people_only=bool(query.get("people")),
    )


def read_number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number from 1 on that the database can compare with, or None."""
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 and int(text) else None


def _text(query: Mapping[str, str], name: str) -> str:
    return query.get(name, "").replace("\x00", "").strip()[:_LONGEST]


def _day(query: Mapping[str, str], name: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None
