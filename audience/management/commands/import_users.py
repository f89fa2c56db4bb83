"""`manage.py import_users`: users from a file or a query into the warehouse."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from django.core.management.base import BaseCommand, CommandError

from accounts.actors import Actor
from audience.load_history import recorded_load, source_lock
from audience.loading import LoadReport, OnReject, Reject, load_users
from audience.models import UserSource
from audience.rejects_file import RejectsFile
from audience.source_loads import Query, QueryReport, forget_watermarks, load_query, query_of
from audience.source_postgresql import address_in
from audience.specs import SPLIT_GROUPS
from audience.warehouse import WarehouseError
from core.errors import InvalidInput

PLAIN_SECONDS = 10.0
COMMAND_LINE = Actor.machine("Command line")
_OPTIONS = {"file": "FILE", **{name: f"--{name}" for name in ("id", "split-group", "map", "rejects", "database", "query", "changed-at")}}  # fmt: skip


class Command(BaseCommand):
    help = (
        "Adds and updates users from a CSV, gzipped CSV or Parquet file, or from a query against a PostgreSQL database. Columns go "
        "to the filters they are mapped to, else to the filter of the same name; blank cells are missing values; bad rows are "
        "left out and listed. Every new user gets a random split group, which no later import changes. Safe to repeat and to "
        "interrupt: all of it counts, or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, nargs="?")
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
            help="leave only the users and columns of this import; split groups are remembered",
        )
        parser.add_argument(
            "--rejects",
            metavar="CSV",
            type=Path,
            help="write every row that is left out, with its line and the reason",
        )
        parser.add_argument(
            "--database",
            metavar="URL",
            help="read from this PostgreSQL database: postgresql://…, or the name of an environment variable that holds it",
        )
        parser.add_argument("--query", metavar="SQL", help="what to ask the database: SELECT …")
        parser.add_argument(
            "--changed-at",
            metavar="COLUMN",
            help="the column that says when a row was changed last: the next import under the same --name reads from there on",
        )
        parser.add_argument("--name", metavar="NAME", help="whose progress --changed-at remembers")
        parser.add_argument(
            "--source", metavar="NAME", help="read from a source that was set up in the console, now"
        )
        parser.add_argument(
            "--from-start", action="store_true", help="read everything, whatever was read before"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            title, load = _what_to_load(options)
            with ExitStack() as stack:
                rejects = None
                if options["rejects"] is not None:
                    rejects = stack.enter_context(RejectsFile(options["rejects"]))
                progress = stack.enter_context(Progress(title))
                source = _configured(options)
                if source is not None and not stack.enter_context(source_lock(source.pk)):
                    raise CommandError(f"Another process is just loading from {source.name}.")
                log = stack.enter_context(recorded_load(title, COMMAND_LINE, source))

                def on_reject(reject: Reject) -> None:
                    log.reject(reject)
                    if rejects is not None:
                        rejects.add(reject)

                def on_progress(rows: int, part: float | None) -> None:
                    progress(rows, part)
                    log.progress(rows, part)

                done = load(on_progress, on_reject, log.row)
                log.loaded(done.report, read_from=done.read_from, read_to=done.read_to)
        except InvalidInput as error:
            lines = (
                f"{_OPTIONS.get(problem.path, problem.path)}: {problem.message}" for problem in error.errors
            )
            raise CommandError("\n".join(lines)) from error
        except WarehouseError as error:
            raise CommandError(error.detail) from error
        self.tell(done)
        if rejects is not None:
            self.stdout.write(f"{rejects.count:,} rejected rows are in {options['rejects']}")

    def tell(self, done: QueryReport) -> None:
        report = done.report
        mapped = [
            name if name == column else f"{name} (from {column})" for name, column in report.mapped.items()
        ]
        self.stdout.write(f"filters:   {', '.join(mapped) or 'none'}")
        if report.ignored:
            self.stdout.write(f"ignored:   {', '.join(report.ignored)} (no filter of that name; see --map)")
        if done.read_from:
            self.stdout.write(f"read from: {done.read_from}")
        for reject in report.rejects:
            self.stdout.write(f"  line {reject.line}: {reject.reason}")
        if report.rejected > len(report.rejects):
            self.stdout.write(f"  … and {report.rejected - len(report.rejects):,} more")
        self.tell_numbers(report)

    def tell_numbers(self, report: LoadReport) -> None:
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


Load = Callable[["OnProgress", OnReject, Any], QueryReport]
OnProgress = Callable[[int, float | None], None]


def _what_to_load(options: dict[str, Any]) -> tuple[str, Load]:
    """The title of the load and the function that does it. Raises CommandError when the options do not go together."""
    ways = [option for option in ("file", "database", "source") if options[option] is not None]
    if len(ways) != 1:
        raise CommandError("Say where the users come from: a FILE, --database with --query, or --source.")
    needed = {
        "database": ["query"],
        "changed_at": ["database", "name"],
        "name": ["changed_at"],
        "query": ["database"],
    }
    for option, others in needed.items():
        missing = [other for other in others if options[option] is not None and options[other] is None]
        if missing:
            raise CommandError(f"--{_dashed(option)} goes with --{_dashed(missing[0])}.")
    if ways == ["file"]:
        return options["file"].name, _file_load(options)
    return (options["source"] or options["name"] or "query"), _query_load(_query(options), options)


def _dashed(option: str) -> str:
    return option.replace("_", "-")


def _file_load(options: dict[str, Any]) -> Load:
    if options["from_start"]:
        raise CommandError("--from-start goes with --source or --changed-at.")

    def load(progress: OnProgress, on_reject: OnReject, row: Any) -> QueryReport:
        if options["replace"]:
            forget_watermarks()
        report = load_users(
            options["file"],
            id_column=options["id"],
            split_group_column=options["split_group"],
            mapping=_mapping(options["map"]),
            replace=options["replace"],
            progress=progress,
            on_reject=on_reject,
        )
        if options["replace"]:
            # Once more: what a load moved that published while this one waited for its turn is gone with its users.
            forget_watermarks()
        return QueryReport(report)

    return load


def _query_load(query: Query, options: dict[str, Any]) -> Load:
    def load(progress: OnProgress, on_reject: OnReject, row: Any) -> QueryReport:
        return load_query(
            query,
            from_start=options["from_start"],
            replace=options["replace"],
            progress=progress,
            on_reject=on_reject,
            load=row,
        )

    return load


def _configured(options: dict[str, Any]) -> UserSource | None:
    return UserSource.objects.filter(name=options["source"]).first() if options["source"] else None


def _query(options: dict[str, Any]) -> Query:
    if options["source"] is not None:
        if options["id"] or options["split_group"] or options["map"]:
            raise CommandError(
                "--source has its columns from the console; --id, --split-group and --map do not go with it."
            )
        source = _configured(options)
        if source is None:
            raise CommandError(f"--source: there is no source {options['source']!r}.")
        return query_of(source)
    name = options["name"] or ""
    if UserSource.objects.filter(name=name).exists():
        raise CommandError(f"--name: {name} is a source of the console; import from it with --source {name}.")
    address = options["database"]
    return Query(
        address=address if "://" in address else address_in(address),
        text=options["query"],
        name=name,
        id_column=options["id"] or "",
        split_group_column=options["split_group"] or "",
        mapping=_mapping(options["map"]),
        changed_at_column=options["changed_at"] or "",
    )


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
        self.began = self.told = time.monotonic()
        self.width = 0

    def __call__(self, rows: int, part: float | None) -> None:
        now = time.monotonic()
        per_second = rows / max(now - self.began, 1e-6)
        share = "" if part is None else f", {part:.0%}"
        line = f"{self.name}: {rows:,} rows read{share}, {per_second:,.0f} rows/s"
        if part == 1.0:
            line += "; now they are sorted and written"
        if self.terminal:
            sys.stderr.write(f"\r{line:<{self.width}}")
            self.width = len(line)
        elif now - self.told >= PLAIN_SECONDS:
            sys.stderr.write(f"{line}\n")
            self.told = now
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.terminal and self.width:
            sys.stderr.write("\n")
