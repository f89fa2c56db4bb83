"""The command line: what would this user get (``check``), what is there (``show``), is it sound (``lint``)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime

from usersplit_sdk.client import Client
from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.folder import DELIVERED, MANIFEST, Folder
from usersplit_sdk.model import SPLIT_GROUPS, Environment, User
from usersplit_sdk.snapshots import Entry, Snapshot
from usersplit_sdk.values import parse_moment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 for faults found, 2 for a wrong call."""
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="usersplit-sdk", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="what would this user get, and why")
    check.set_defaults(run=_check)
    check.add_argument("folder", help="the delivery folder")
    check.add_argument("tests", nargs="*", metavar="KEY", help="keys of tests; all if none is named")
    check.add_argument("--user", metavar="ID", help="the user's id; without it the user is a guest")
    check.add_argument("--split-group", type=int, metavar="N", help=f"1..{SPLIT_GROUPS}")
    check.add_argument("--device", metavar="ID", help="the device's id")
    for flag, what in (("--attribute", "the user"), ("--request", "the request")):
        check.add_argument(
            flag,
            action="append",
            default=[],
            type=_pair,
            metavar="NAME=VALUE",
            help=f"a filter's value for {what}, as JSON or plain text; repeat",
        )
    check.add_argument("--supports", action="append", metavar="KEY", help="a test the client app supports")
    check.add_argument("--environment", default="production", help="the client's environment")
    check.add_argument("--now", type=_time, metavar="TIME", help="ask about another time (ISO 8601)")
    check.add_argument("--json", action="store_true", help="print JSON")

    show = commands.add_parser("show", help="what is in a delivery folder")
    show.set_defaults(run=_show)
    show.add_argument("folder", help="the delivery folder")
    show.add_argument("--json", action="store_true", help="print JSON")

    lint = commands.add_parser("lint", help="is every file of a delivery folder sound")
    lint.set_defaults(run=_lint)
    lint.add_argument("folder", help="the delivery folder")
    return parser


def _pair(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _time(text: str) -> datetime:
    moment = parse_moment(text)
    if moment is None:
        raise argparse.ArgumentTypeError("must be a time in ISO 8601")
    return moment.instant


def _check(options: argparse.Namespace) -> int:
    with Client.from_directory(options.folder, options.environment, refresh_seconds=None) as client:
        if client.status.version is None:
            return _complain(client.status.errors)
        guest = options.user is None
        user = None if guest else User(options.user, options.split_group, dict(options.attribute))
        request = Environment(
            device_id=options.device,
            attributes=dict(options.request),
            supported_tests=options.supports,
            split_group=options.split_group if guest else None,
        )
        rows = []
        for key in options.tests or client.test_keys():
            decision = client.explain(key, user, request, now=options.now)
            rows.append(
                {
                    "test": key,
                    "variant": decision.variant,
                    "reason": str(decision.reason),
                    "detail": decision.detail,
                    "settings_group": decision.settings_group,
                }
            )
    _print(rows, as_json=options.json)
    return 0


def _show(options: argparse.Namespace) -> int:
    try:
        snapshot = Folder(options.folder).load(Snapshot())
    except (OSError, InvalidDocument) as problem:
        return _complain([f"{MANIFEST}: {problem}"])
    rows = [_row(path, snapshot.files[path]) for path in sorted(snapshot.files)]
    if options.json:
        _print(
            {"version": snapshot.version, "published_at": snapshot.published_at, "files": rows}, as_json=True
        )
    else:
        print(f"version {snapshot.version}, published at {snapshot.published_at}")
        _print(rows, as_json=False)
    return 0


def _row(path: str, entry: Entry) -> dict[str, object]:
    test = entry.test
    if test is None:
        return {"file": path, "status": "INVALID", "settings_group": None, "variants": entry.error}
    return {
        "file": path,
        "status": test.status,
        "settings_group": test.settings_group,
        "variants": _shares(test),
    }


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
    folder = Folder(options.folder)
    try:
        snapshot = folder.load(Snapshot())
    except (OSError, InvalidDocument) as problem:
        return _complain([f"{MANIFEST}: {problem}"])
    faults = [str(problem) for problem in snapshot.problems]
    for path in sorted(folder.path.glob("*/*.json")):
        name = path.relative_to(folder.path).as_posix()
        if DELIVERED.fullmatch(name) is not None and name not in snapshot.files:
            print(f"note: {name} is not in the manifest and is never read")
    if faults:
        return _complain(faults)
    print(f"{len(snapshot.files)} files, all sound (version {snapshot.version})")
    return 0


def _complain(faults: Sequence[str]) -> int:
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1


def _print(rows: object, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = rows if isinstance(rows, list) else []
    texts = [["-" if value is None else str(value) for value in row.values()] for row in table]
    texts = [[name.replace("_", " ") for name in row] for row in table[:1]] + texts
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))] if texts else []
    for row in texts:
        print("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
