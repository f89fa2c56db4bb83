"""`manage.py import_users FILE`: users from a file into the warehouse."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audience.loading import LoadReport, load_users
from audience.specs import SPLIT_GROUPS
from audience.warehouse import WarehouseError
from core.errors import InvalidInput

PLAIN_STEP = 500_000
_OPTIONS = {"file": "FILE", "id": "--id", "split-group": "--split-group", "map": "--map"}


class Command(BaseCommand):
    help = (
        "Adds and updates users from a CSV, gzipped CSV or Parquet file. Columns go to the filters they are mapped to, else to the "
        "filter of the same name; blank cells are missing values; bad rows are left out and listed. Every new user gets a "
        "random split group, which no later import changes. Safe to repeat and to interrupt: all of a file counts, or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--id", metavar="COLUMN", help="the column with the user ids (default: id, user_id or userid)"
        )
        parser.add_argument(
            "--split-group",
            metavar="COLUMN",
            help=f"a column with split groups 1..{SPLIT_GROUPS} that users have already (default: split_group, if there is one)",
        )
        parser.add_argument(
            "--map",
            metavar="FILTER=COLUMN",
            action="append",
            default=[],
            help="fill a filter from a column; repeatable",
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="leave only the users and columns of this file; split groups are remembered",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress(options["file"].name)
        try:
            report = load_users(
                options["file"],
                id_column=options["id"],
                split_group_column=options["split_group"],
                mapping=_mapping(options["map"]),
                replace=options["replace"],
                progress=progress,
            )
        except InvalidInput as error:
            progress.end()
            lines = (
                f"{_OPTIONS.get(problem.path, problem.path)}: {problem.message}" for problem in error.errors
            )
            raise CommandError("\n".join(lines)) from error
        except WarehouseError as error:
            progress.end()
            raise CommandError(error.detail) from error
        progress.end()
        self.tell(report)

    def tell(self, report: LoadReport) -> None:
        mapped = [
            name if name == column else f"{name} (from {column})" for name, column in report.mapped.items()
        ]
        self.stdout.write(f"filters:   {', '.join(mapped) or 'none'}")
        if report.ignored:
            self.stdout.write(f"ignored:   {', '.join(report.ignored)} (no filter of that name; see --map)")
        for reject in report.rejects:
            self.stdout.write(f"  line {reject.line}: {reject.reason}")
        if report.rejected > len(report.rejects):
            self.stdout.write(f"  … and {report.rejected - len(report.rejects):,} more")
        self.stdout.write(f"rows read: {report.rows_read}")
        self.stdout.write(f"added:     {report.added}")
        self.stdout.write(f"changed:   {report.changed}")
        self.stdout.write(f"unchanged: {report.unchanged}")
        self.stdout.write(f"rejected:  {report.rejected}")
        if report.removed:
            self.stdout.write(f"removed:   {report.removed}")
        if report.split_groups_kept:
            self.stdout.write(
                f"{report.split_groups_kept} rows name another split group than the one their user has; it was kept"
            )
        self.stdout.write(f"The warehouse now holds {report.user_count:,} users.")


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for pair in pairs:
        name, separator, column = pair.partition("=")
        if not (separator and name.strip() and column.strip()):
            raise CommandError(f"--map: must be FILTER=COLUMN, not {pair!r}")
        if name.strip() in mapping:
            raise CommandError(f"--map: the filter {name.strip()} is mapped twice")
        mapping[name.strip()] = column.strip()
    return mapping


class Progress:
    """A line that rewrites itself on a terminal, now and then a plain one elsewhere. On stderr: stdout is the report."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.terminal = sys.stderr.isatty()
        self.told = 0

    def __call__(self, rows: int, part: float) -> None:
        line = f"{self.name}: {rows:,} rows read, {part:.0%}"
        if self.terminal:
            sys.stderr.write(f"\r{line}")
            self.told = rows
        elif rows - self.told >= PLAIN_STEP:
            sys.stderr.write(f"{line}\n")
            self.told = rows
        sys.stderr.flush()

    def end(self) -> None:
        if self.terminal and self.told:
            sys.stderr.write("\n")
