"""The changelog as CSV, in pieces, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import islice
from typing import Final

from django.utils.translation import override

from changelog.models import Entry, SubjectKind, Verb

_AT_ONCE: Final = 200
COLUMNS = ("time", "by", "kind", "key", "action", "message", "changes")


def csv_pieces(entries: Iterable[Entry]) -> Iterator[str]:
    """The file in pieces, the heading first. A file is for programs, too: times are UTC, words English."""
    with override("en"):
        # Once for all rows: each asking for its own label would look up every label there is.
        kinds = {value: str(label) for value, label in SubjectKind.choices}
        verbs = {value: str(label) for value, label in Verb.choices}
    # The mark tells spreadsheets that this is UTF-8.
    yield "\ufeff" + _lines([COLUMNS])
    rows = iter(entries)
    while some := list(islice(rows, _AT_ONCE)):
        yield _lines(_cells(entry, kinds, verbs) for entry in some)


def _lines(rows: Iterable[tuple[str, ...]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(entry: Entry, kinds: dict[str, str], verbs: dict[str, str]) -> tuple[str, ...]:
    changes = "; ".join(
        f"{change['label']}: {change['before']} → {change['after']}" for change in entry.changes
    )
    kind, verb = kinds[entry.subject_kind], verbs[entry.verb]
    texts = (entry.actor_name, kind, entry.subject_key, verb, entry.message, changes)
    return (entry.at.strftime("%Y-%m-%dT%H:%M:%SZ"), *map(inert, texts))


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: whatever could begin one gets an apostrophe in front."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
