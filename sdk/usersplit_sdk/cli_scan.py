"""``scan``: where is each test named in this code, and which finished ones should be gone from it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from usersplit_sdk.cli_output import closest, complain, note, printable, say, say_json
from usersplit_sdk.cli_source import SourceProblem, add_server, open_source, read_token
from usersplit_sdk.scan import Found, Scan, Subject, scan
from usersplit_sdk.scan_blame import Blame
from usersplit_sdk.scan_ignore import parse_rule
from usersplit_sdk.scan_report import NotReported, build_report, read_checkout, send_report
from usersplit_sdk.snapshots import Snapshot

FORMAT = 1
"""Of the JSON. Names are only ever added to it; a change of what is there would be another number."""
NAMED = 10


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "scan",
        help="where is each test named in a code base, and which finished ones still are",
        usage="%(prog)s [PATH ...] [--source FOLDER | --url URL] [options]",
        description="Where is each test named in this code, which finished tests still are, and which keys are "
        "asked for that nobody knows.",
        epilog="Exit codes: 0; 1 if a finished test is still named (with --strict also for unknown keys); 2 for a "
        "wrong call, a source that cannot be read, or a report that was not taken.",
    )
    command.set_defaults(run=_scan)
    command.add_argument("paths", nargs="*", metavar="PATH", help="files and folders to search (this folder)")
    command.add_argument("--source", metavar="FOLDER", help="the delivery folder to compare with")
    command.add_argument("--strict", action="store_true", help="exit code 1 for unknown keys too")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument(
        "--blame", action="store_true", help="say since when finished tests stand there, by git's history"
    )
    command.add_argument(
        "--words", action="store_true", help="count keys that stand unquoted as whole words as well"
    )
    command.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out what matches, a pattern as in .gitignore; repeat",
    )
    command.add_argument("--no-git", action="store_true", help="search files whether git knows them or not")
    add_server(command)
    group = command.add_argument_group("tell the server where tests are named")
    group.add_argument(
        "--report",
        metavar="URL",
        help="send what was found to this server, which is also compared with unless another source is named",
    )
    group.add_argument("--repository", metavar="NAME", help="what it is called there (owner/name, by git)")
    group.add_argument(
        "--link",
        default="",
        metavar="URL",
        help="where people read a line: https://git.example/shop/blob/{commit}/{path}#L{line}",
    )


def _scan(options: argparse.Namespace) -> int:
    paths = options.paths or ["."]
    for path in paths:
        if not Path(path).exists():
            options.command.error(f"{printable(path)}: there is no such file or folder")
    exclude = [parse_rule(os.fsencode(pattern)) for pattern in options.exclude]
    if None in exclude:
        options.command.error("--exclude: the pattern can match nothing")
    if options.report is None and (options.repository is not None or options.link):
        options.command.error("--repository and --link go with --report URL")
    try:
        snapshot, without = _known(options)
    except SourceProblem as problem:
        complain([problem])
        return 2
    found = scan(
        map(os.fsencode, paths),
        snapshot,
        note,
        exclude=[rule for rule in exclude if rule is not None],
        without=without,
        use_git=not options.no_git,
        words=options.words,
    )
    if found.files == 0:
        note("there was no file to search")
    blame = Blame() if options.blame else None
    if options.json:
        say_json(_report(found, None if snapshot is None else snapshot.version, blame))
    else:
        _print(found, blame)
    if options.report is not None and not _reported(options, found, paths):
        return 2
    return int(bool(found.finished_in_use()) or (options.strict and bool(found.unknown)))


def _known(options: argparse.Namespace) -> tuple[Snapshot | None, list[bytes]]:
    """What is delivered, and the folder that it stands in: a test file naming its test is no use of it."""
    if options.source is None and options.url is None:
        options.url = options.report
    if options.source is None and options.url is None:
        if options.strict:
            options.command.error("--strict compares with --source FOLDER or --url URL")
        return None, []
    # A token for the report is no reason to take a folder for a server.
    chosen = vars(options) | ({"token_file": None} if options.source and options.report else {})
    with open_source(argparse.Namespace(**chosen), options.source) as source:
        snapshot = source.snapshot()
    for path, entry in sorted(snapshot.files.items()):
        if entry.test is None:
            note(f"{path}: {entry.error}")
    return snapshot, [] if options.source is None else [os.fsencode(options.source)]


def _reported(options: argparse.Namespace, found: Scan, paths: Sequence[str]) -> bool:
    """Tell the server; whether it has taken it."""
    checkout = read_checkout([os.fsencode(path) for path in paths], use_git=not options.no_git)
    if options.repository is not None:
        checkout = checkout._replace(name=options.repository)
    try:
        report = build_report(found, checkout, options.link)
        send_report(options.report, read_token(options), report)
    except NotReported as problem:
        complain([f"not reported: {problem}"])
        return False
    except ValueError as problem:
        options.command.error(str(problem))
    if report.left_out:
        note(
            f"{_count(report.left_out, 'place')} left out, for a long path, an odd key, or because there are too many"
        )
    commit = f" at {checkout.commit[:12]}" if checkout.commit else ""
    note(f"{_count(report.places, 'place')} of {checkout.name}{commit} reported")
    return True


# ---- for machines --------------------------------------------------------------------------------------------


def _report(found: Scan, version: int | None, blame: Blame | None) -> dict[str, object]:
    subjects = found.known
    if subjects is None:
        subjects = tuple(Subject(key, "test", "", None) for key in sorted(found.uses))
    return {
        "format": FORMAT,
        "version": version,
        "files": found.files,
        "skipped": {why: found.skipped.get(why, 0) for why in ("binary", "large", "link", "unreadable")},
        "tests": [
            {
                "key": subject.key,
                "kind": subject.kind,
                "status": subject.status or None,
                "winner": subject.winner,
                "uses": [_place(use, blame) for use in found.uses[subject.key]],
            }
            for subject in subjects
        ],
        "finished_in_use": [subject.key for subject in found.finished_in_use()],
        "unknown": [{"key": use.key, **_place(use, blame)} for use in found.unknown],
        "unused": [subject.key for subject in found.unused()],
    }


def _place(found: Found, blame: Blame | None) -> dict[str, object]:
    kind, name, place = found.use
    row: dict[str, object] = {
        "file": os.fsdecode(found.path),
        "line": place.line,
        "column": place.column,
        "kind": kind,
        "name": name,
        "text": place.text,
    }
    if blame is not None:
        row["since"] = blame.since(found.path, place.line)
    return row


# ---- for people ----------------------------------------------------------------------------------------------


def _print(found: Scan, blame: Blame | None) -> None:
    statuses = {subject.key: _status(subject) for subject in found.known or ()}
    finished = found.finished_in_use()
    for key in sorted(found.uses):
        lines = _lines(found.uses[key])
        if lines:
            say(f"{printable(key)}{statuses.get(key, '')}")
            _print_lines(lines, blame if key in {subject.key for subject in finished} else None)
    if found.unknown:
        say("keys that nobody knows")
        known = [subject.key for subject in found.known or ()]
        meant = {key: closest(key, known) for key in dict.fromkeys(use.key for use in found.unknown)}
        for use in found.unknown:
            hint = f" (did you mean {meant[use.key]}?)" if meant[use.key] is not None else ""
            say(f"  {_where(use)}  {printable(use.key)}{hint}")
    unused = [f"{subject.key}{_status(subject)}" for subject in found.unused()]
    if unused:
        more = f" and {len(unused) - NAMED} more" if len(unused) > NAMED else ""
        say(f"not in this code: {', '.join(unused[:NAMED])}{more}")
    _print_sum(found, finished)


def _lines(uses: Sequence[Found]) -> list[Found]:
    """One use of each line; what a generated module lists goes without saying."""
    lines = {
        (found.path, found.use.place.line): found for found in reversed(uses) if found.use.kind != "generated"
    }
    return list(reversed(lines.values()))


def _print_lines(uses: Sequence[Found], blame: Blame | None) -> None:
    for found in uses:
        since = ""
        if blame is not None:
            since = f"since {blame.since(found.path, found.use.place.line) or 'no commit'}  "
        say(f"  {_where(found)}  {since}{printable(found.use.place.text)}")


def _print_sum(found: Scan, finished: Sequence[Subject]) -> None:
    skipped = ", ".join(f"{count} {why}" for why, count in sorted(found.skipped.items()))
    say(f"{_count(found.files, 'file')} searched" + (f", not searched: {skipped}" if skipped else ""))
    if finished:
        say(f"finished, and still in the code: {', '.join(subject.key for subject in finished)}")
    if found.unknown:
        say(f"{_count(len({use.key for use in found.unknown}), 'key')} that nobody knows")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _status(subject: Subject) -> str:
    kind = "" if subject.kind == "test" else "user group, "
    won = f", {printable(subject.winner)} won" if subject.winner is not None else ""
    return f" ({kind}{subject.status}{won})"


def _where(found: Found) -> str:
    return f"{printable(os.fsdecode(found.path))}:{found.use.place.line}:{found.use.place.column}"
