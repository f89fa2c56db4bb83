"""The changelog as CSV, a row at a time, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from changelog.models import Entry

COLUMNS = ("time", "by", "kind", "key", "action", "message", "changes")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, value: str) -> str:
        return value


def csv_rows(entries: Iterable[Entry]) -> Iterator[str]:
    """The lines of the file, the heading first. Times are UTC."""
    writer = csv.writer(_Echo())
    # The mark tells spreadsheets that this is UTF-8.
    yield "\ufeff" + writer.writerow(COLUMNS)
    for entry in entries:
        changes = "; ".join(
            f"{change['label']}: {change['before']} → {change['after']}" for change in entry.changes
        )
        yield writer.writerow(
            [
                entry.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                *map(
                    inert,
                    (
                        entry.actor_name,
                        entry.get_subject_kind_display(),
                        entry.subject_key,
                        entry.get_verb_display(),
                        entry.message,
                        changes,
                    ),
                ),
            ]
        )


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: whatever could begin one gets an apostrophe in front."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
