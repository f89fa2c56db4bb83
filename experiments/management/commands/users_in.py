"""`manage.py users_in KEY`: the users in a test or user group, one by one."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb
from django.core.management.base import BaseCommand, CommandError

from audience.catalogue import load_catalogue
from audience.dialects import DIALECTS
from audience.iterating import SPELLINGS, matching_users_sql
from audience.warehouse import get_warehouse
from core.errors import DomainError, InvalidInput
from experiments.member_files import csv_pieces, json_pieces, write_parquet
from experiments.members import Among, Member, MemberWalk, users_in
from experiments.models import Experiment, Kind

CLOSED_PIPE: Final = 141
"""What a shell sees of a program that wrote to a reader who had gone: 128 + SIGPIPE."""
_OPTIONS: Final = {"variant": "--variant", "cursor": "--after"}


class Command(BaseCommand):
    help = (
        "Walks the users who meet the conditions of a test's current settings and whose split group one of its variants owns "
        "(of a user group: who meet its conditions), by split group and id, in constant memory. With --limit it tells a cursor; "
        "--after goes on there exactly. A load of users meanwhile disturbs nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", metavar="KEY", help="of a test, else of a user group")
        parser.add_argument(
            "--group", action="store_true", help="the user group of this key, if a test has it too"
        )
        parser.add_argument("--variant", metavar="NAME", help="only the users of this variant")
        parser.add_argument(
            "--among",
            choices=[one.value for one in Among],
            default=Among.VARIANTS.value,
            help="conditions: everybody who meets them, in a variant or not",
        )
        parser.add_argument("--format", choices=["csv", "jsonl", "parquet"], default="csv")
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="written aside and renamed when complete"
        )
        parser.add_argument("--after", metavar="CURSOR", help="go on where an earlier walk stopped")
        parser.add_argument("--limit", metavar="NUMBER", type=int, help="at most so many users")
        parser.add_argument(
            "--sql",
            metavar="DIALECT",
            choices=[*DIALECTS, *SPELLINGS],
            help=f"print the statement instead: {', '.join(DIALECTS)}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit: must be a number from 1 on")
        try:
            walk = users_in(
                _experiment(options["key"], is_group=options["group"]),
                options["variant"],
                options["after"],
                among=options["among"],
            )
            if options["sql"]:
                self.print_sql(walk, options["sql"])
            else:
                self.walk(walk, options)
        except InvalidInput as error:
            lines = (
                f"{_OPTIONS.get(problem.path, problem.path)}: {problem.message}" for problem in error.errors
            )
            raise CommandError("\n".join(lines)) from error
        except DomainError as error:
            raise CommandError(error.detail) from error
        except (duckdb.Error, OSError) as error:
            raise CommandError(f"--output: could not be written: {str(error).splitlines()[0]}") from error

    def print_sql(self, walk: MemberWalk, dialect: str) -> None:
        statement = matching_users_sql(
            walk.settings_group.conditions,
            walk.at,
            walk.split_groups,
            dialect,
            catalogue=load_catalogue(),
            columns=get_warehouse().column_types(),
            after=walk.after,
        )
        self.stdout.write(f"{statement.text};")
        self.tell_upper_bound(walk)

    def walk(self, walk: MemberWalk, options: dict[str, Any]) -> None:
        if walk.loaded_meanwhile:
            self.stderr.write("Users were loaded since this walk began: from here on they are those of now.")
        self.tell_upper_bound(walk)
        seen = _Seen(walk, options["limit"])
        output: Path | None = options["output"]
        try:
            if options["format"] == "parquet":
                self.write_parquet(seen, output)
            else:
                self.write_text(seen, options["format"], output)
        except BrokenPipeError:
            # Whoever read has enough. What Python flushes at its end must not complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(CLOSED_PIPE) from None
        self.tell_position(seen)

    def write_text(self, seen: _Seen, form: str, output: Path | None) -> None:
        pieces = {"csv": csv_pieces, "jsonl": json_pieces}[form](seen, is_test=seen.is_test)
        if output is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            self.stdout.flush()
            return
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".users-") as folder:
            written = Path(folder) / "users"
            with written.open("w", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
            written.replace(output)

    def write_parquet(self, seen: _Seen, output: Path | None) -> None:
        if output is not None:
            write_parquet(seen, output, is_test=seen.is_test)
            return
        if sys.stdout.isatty():
            raise CommandError("--output: name a file; Parquet is nothing to read on a screen")
        # The table of contents of a Parquet file comes last and says where all is, so it cannot be written as it comes.
        with tempfile.TemporaryDirectory(prefix="users-") as folder:
            written = Path(folder) / "users.parquet"
            write_parquet(seen, written, is_test=seen.is_test)
            with written.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()

    def tell_upper_bound(self, walk: MemberWalk) -> None:
        if walk.not_counted:
            self.stderr.write(f"Not counted: {', '.join(walk.not_counted)}; so these are upper bounds.")

    def tell_position(self, seen: _Seen) -> None:
        more = (
            f" Go on with --after {seen.walk.cursor_after(seen.last)}" if seen.last and not seen.ended else ""
        )
        self.stderr.write(f"{seen.count:,} users.{more}")


class _Seen:
    """Iterates over a walk and remembers where it is."""

    def __init__(self, walk: MemberWalk, limit: int | None) -> None:
        self.walk = walk
        self.limit = limit
        self.count = 0
        self.last: Member | None = None
        self.ended = False
        self.is_test = walk.experiment.is_test

    def __iter__(self) -> Iterator[Member]:
        for member in islice(self.walk, self.limit):
            self.count += 1
            self.last = member
            yield member
        self.ended = self.limit is None or self.count < self.limit


def _experiment(key: str, *, is_group: bool) -> Experiment:
    kinds = [Kind.GROUP] if is_group else [Kind.TEST, Kind.GROUP]
    found = {
        row.kind: row for row in Experiment.objects.select_related("current").filter(key=key, kind__in=kinds)
    }
    for kind in kinds:
        if kind in found:
            return found[kind]
    raise CommandError(f"There is no {'user group' if is_group else 'test or user group'} “{key}”.")
