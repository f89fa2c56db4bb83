"""``show`` and ``lint``: what is delivered, and is it sound."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime, timezone

from usersplit_sdk.cli_output import complain, printable, say, say_json, say_table
from usersplit_sdk.cli_source import add_server, open_source
from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.folder import DELIVERED
from usersplit_sdk.model import SPLIT_GROUPS
from usersplit_sdk.snapshots import Entry


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the two commands."""
    show = commands.add_parser(
        "show",
        help="what is delivered",
        usage="%(prog)s (FOLDER | --url URL) [options]",
        description="What is delivered: each test and user group, its status and its variants.",
    )
    show.set_defaults(run=_show)
    show.add_argument("folder", nargs="?", help="the delivery folder")
    show.add_argument("--json", action="store_true", help="print JSON")
    add_server(show)

    lint = commands.add_parser(
        "lint",
        help="is every file of a delivery folder sound",
        description="Is every file of a delivery folder sound? Exit code 1 names each that is not.",
    )
    lint.set_defaults(run=_lint, url=None, token_file=None)
    lint.add_argument("folder", help="the delivery folder")


def _show(options: argparse.Namespace) -> int:
    with open_source(options, options.folder) as source:
        snapshot = source.snapshot()
    files = [(path, snapshot.files[path]) for path in sorted(snapshot.files)]
    if options.json:
        rows = [_described(path, entry) for path, entry in files]
        say_json({"version": snapshot.version, "published_at": snapshot.published_at, "files": rows})
        return 0
    say(f"version {snapshot.version}, published at {printable(snapshot.published_at or 'an unknown time')}")
    say_table([_row(path, entry) for path, entry in files])
    return 0


def _row(path: str, entry: Entry) -> dict[str, object]:
    test = entry.test
    if test is None:
        return {"file": path, "status": "INVALID", "settings_group": None, "variants": entry.error}
    return {
        "file": path,
        "status": _status(test),
        "settings_group": test.settings_group,
        "variants": _shares(test) or None,
    }


def _described(path: str, entry: Entry) -> dict[str, object]:
    test = entry.test
    if test is None:
        return {**_row(path, entry), "error": entry.error}
    return {
        **_row(path, entry),
        "status": test.status,
        "kind": test.kind,
        "key": test.key,
        "side": test.side,
        "starts_at": None if test.starts_at is None else test.starts_at.isoformat(),
        "ends_at": None if test.ends_at is None else test.ends_at.isoformat(),
        "control": test.control,
        "names": list(test.names[1:]),
        "winner": None if test.outcome is None else test.outcome.variant,
        "error": None,
    }


def _status(test: CompiledTest) -> str:
    if test.outcome is None or test.status != "finished":
        return test.status
    if test.outcome.variant is None:
        return "finished, rejected"
    return f"finished, {test.outcome.variant} won" + (" everywhere" if test.outcome.everywhere else "")


def _shares(test: CompiledTest) -> str:
    """``control 5%, green 5%``: each variant with its share of all split groups."""
    counts = [0] * len(test.names)
    for owner in test.owners[1:]:
        counts[owner] += 1
    return ", ".join(
        f"{name} {100 * count / SPLIT_GROUPS:g}%"
        for name, count in zip(test.names[1:], counts[1:], strict=True)
    )


def _lint(options: argparse.Namespace) -> int:
    with open_source(options, options.folder) as source:
        snapshot = source.snapshot()
        for file in sorted(source.folder.path.glob("*/*.json")):
            name = file.relative_to(source.folder.path).as_posix()
            if DELIVERED.fullmatch(name) is not None and name not in snapshot.files:
                say(f"note: {name} is not in the manifest and is never read")
    now = datetime.now(timezone.utc)
    for path, entry in sorted(snapshot.files.items()):
        for oddity in _oddities(entry.test, now) if entry.test is not None else ():
            say(f"note: {path}: {oddity}")
    complain(snapshot.problems)
    if snapshot.problems:
        return 1
    say(f"{len(snapshot.files)} files, all sound (version {snapshot.version})")
    return 0


def _oddities(test: CompiledTest, now: datetime) -> Iterator[str]:
    """What is sound and hardly meant."""
    if test.starts_at is not None and test.ends_at is not None and test.ends_at <= test.starts_at:
        yield "it ends before it starts"
    elif test.status == "running" and test.ends_at is not None and test.ends_at <= now:
        yield f"it is running, but ended on {test.ends_at:%Y-%m-%d at %H:%M} UTC"
    if test.kind == "test" and test.status == "running" and not any(test.owners):
        yield "it is running, but no split group belongs to a variant"
