"""The test list as CSV, a chunk of tests at a time, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Final

from django.utils import timezone
from django.utils.translation import override

from accounts.actors import Actor
from changelog.export import inert
from console.list_rows import Row, computed_order, in_order, list_rows_of, rows_of
from console.list_wanted import Wanted
from experiments.models import Experiment, Side
from experiments.models.experiment import ExperimentQuerySet, StatusChoices

COLUMNS: Final = (
    *("key", "name", "status", "area", "side", "tags", "jira_issue", "managers"),
    *("starts_at", "ends_at", "started_at", "finished_at"),
    *("users_per_variant", "largest_overlap", "users_shared", "hits_today", "attention"),
)
_AT_ONCE: Final = 200


def csv_pieces(actor: Actor, experiments: ExperimentQuerySet, wanted: Wanted) -> Iterator[str]:
    """The file in pieces, the heading first. Times are UTC. What it says is read at once, in a number of queries that does not
    depend on how many tests there are."""
    # The mark tells spreadsheets that this is UTF-8.
    yield "\ufeff" + _lines([COLUMNS])
    found = _ordered(actor, experiments, wanted)
    # A file is for programs, too: its words are English, its times UTC.
    with override("en"), timezone.override(dt.UTC):
        # Looked up once, not for each of a thousand tests.
        words = {str(value): str(label) for value, label in (*StatusChoices.choices, *Side.choices)}
        lines = [_cells(one, row, words) for one, row in zip(found, rows_of(actor, found), strict=True)]
    for place in range(0, len(lines), _AT_ONCE):
        yield _lines(lines[place : place + _AT_ONCE])


def _ordered(actor: Actor, experiments: ExperimentQuerySet, wanted: Wanted) -> list[Experiment]:
    found = list_rows_of(experiments, wanted)
    if wanted.is_sorted_by_counts:
        return in_order(found, computed_order(actor, experiments, wanted.sort))
    return list(found)


def _lines(rows: Sequence[tuple[str, ...]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(one: Experiment, row: Row, words: Mapping[str, str]) -> tuple[str, ...]:
    people = ", ".join(person.username for person in one.managers.all())
    variants = "; ".join(
        f"{variant.name}: {variant.users if variant.users is not None else f'{variant.percent} %'}"
        for variant in row.variants or ()
    )
    texts = (
        *(one.key, one.name, words[one.status], one.area, words[one.side]),
        *(", ".join(one.tags), one.jira_issue, people),
        *map(_moment, (row.starts_at, row.ends_at, one.started_at, one.finished_at)),
        variants,
        row.worst.key if row.worst else "",
        str(row.worst.users) if row.worst else "",
        str(row.hits_today) if row.hits_today is not None else "",
        "; ".join(row.attention.reasons) if row.attention else "",
    )
    return tuple(map(inert, texts))


def _moment(moment: dt.datetime | None) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else ""
