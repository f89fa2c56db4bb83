"""``check``: what would this user get, and why."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from usersplit_sdk.cli_explanations import TEXT_TYPES, explanation, predicates
from usersplit_sdk.cli_output import closest, note, printable, say, say_json, say_table
from usersplit_sdk.cli_source import add_server, open_source
from usersplit_sdk.cli_tree import tree_rows
from usersplit_sdk.client import Client
from usersplit_sdk.documents import KEY
from usersplit_sdk.model import SPLIT_GROUPS, Decision, Environment, User
from usersplit_sdk.snapshots import Snapshot
from usersplit_sdk.trace import Trace, trace_conditions, trace_decision
from usersplit_sdk.values import parse_moment

Values = dict[str, object]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    check = commands.add_parser(
        "check",
        help="what would this user get, and why",
        usage="%(prog)s (FOLDER | --url URL) [KEY ...] [options]",
        description="What would this user get, and why. It asks the delivered tests; additional conditions that an "
        "application has in its code are not asked.",
    )
    check.set_defaults(run=_check)
    check.add_argument(
        "names",
        nargs="*",
        metavar="FOLDER KEY",
        help="the delivery folder, unless --url names a server; then keys of tests or user groups (none: all tests)",
    )
    check.add_argument(
        "--user", metavar="ID", type=_identity, help="the user's id; without it the user is a guest"
    )
    check.add_argument("--split-group", type=_split_group, metavar="N", help=f"1..{SPLIT_GROUPS}")
    check.add_argument("--device", metavar="ID", type=_identity, help="the device's id")
    for flag, what in (("--attribute", "the user"), ("--request", "the request")):
        check.add_argument(
            flag,
            action="append",
            default=[],
            type=_pair,
            metavar="NAME=VALUE",
            help=f"a filter's value for {what}, as JSON or plain text; repeat",
        )
    check.add_argument(
        "--supports", action="append", metavar="KEY", help="a test that the client app supports; repeat"
    )
    check.add_argument(
        "--environment", default="production", metavar="NAME", help="whose forced users apply (production)"
    )
    check.add_argument("--now", type=_time, metavar="TIME", help="ask about another time (ISO 8601)")
    check.add_argument(
        "--tree",
        action="store_true",
        help="show every condition: true, false or not evaluated, and the value",
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    add_server(check)


def _identity(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _split_group(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= SPLIT_GROUPS):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {SPLIT_GROUPS}")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value


def _time(text: str) -> datetime:
    moment = parse_moment(text)
    if moment is None:
        raise argparse.ArgumentTypeError("must be a time in ISO 8601")
    return moment.instant


def _check(options: argparse.Namespace) -> int:
    names = list(options.names)
    folder = names.pop(0) if names and options.url is None else None
    with open_source(options, folder) as source, source.client(options.environment) as client:
        keys = names or client.test_keys()
        groups = set(source.snapshot().groups)
        _hint_at_keys(names, {*client.test_keys(), *groups})
        documents = {path: source.document(path) for path in _paths(keys, groups)}
        user, request = _who(options, documents)
        rows: list[dict[str, object]] = []
        traces: dict[str, Trace] = {}
        for key in keys:
            trace: Trace | None
            if key in groups and key not in client.test_keys():
                rows.append(_group_row(client, key, user, request, options.now))
                trace = _group_trace(source.snapshot(), key, user, request, options.now)
            else:
                decision, trace = trace_decision(client, key, user, request, now=options.now)
                rows.append(
                    _row(key, decision, documents.get(f"tests/{key}.json", {}), user, request, options)
                )
            if options.tree and trace is not None:
                traces[key] = trace
    if options.json:
        say_json([{**row, **_tree(traces.get(key))} for row, key in zip(rows, keys, strict=True)])
    else:
        _say_tables(rows)
        for key, trace in traces.items():
            say(f"\n{printable(key)}: the conditions are {'' if trace.met else 'not '}met")
            say_table(tree_rows(trace))
    return 0


def _say_tables(rows: list[dict[str, object]]) -> None:
    tests = [row for row in rows if "test" in row]
    groups = [row for row in rows if "group" in row]
    say_table(tests)
    if tests and groups:
        say("")
    say_table(groups)


def _tree(trace: Trace | None) -> dict[str, object]:
    return {} if trace is None else {"tree": trace.as_json()}


def _group_trace(
    snapshot: Snapshot, key: str, user: User | None, request: Environment, now: datetime | None
) -> Trace | None:
    group = snapshot.groups[key].test
    return None if group is None else trace_conditions(group.conditions, user, request, now)


def _paths(keys: list[str] | tuple[str, ...], groups: set[str]) -> Iterator[str]:
    for key in keys:
        if KEY.fullmatch(key) is not None:
            yield f"tests/{key}.json"
            if key in groups:
                yield f"groups/{key}.json"


def _row(
    key: str,
    decision: Decision,
    document: Mapping[str, object],
    user: User | None,
    request: Environment,
    options: argparse.Namespace,
) -> dict[str, object]:
    return {
        "test": key,
        "variant": decision.variant,
        "reason": str(decision.reason),
        "detail": decision.detail,
        "settings_group": decision.settings_group,
        "explanation": explanation(decision, document, user, request, options.environment),
    }


def _group_row(
    client: Client, key: str, user: User | None, request: Environment, now: datetime | None
) -> dict[str, object]:
    return {"group": key, "is_in_group": client.is_in_group(key, user, request, now=now)}


def _who(
    options: argparse.Namespace, documents: Mapping[str, Mapping[str, object]]
) -> tuple[User | None, Environment]:
    guest = options.user is None
    if guest and options.attribute:
        note("a guest has no profile: --attribute counts with --user only")
    user = None
    if not guest:
        user = User(options.user, options.split_group, _values(options.attribute, "user", documents))
    return user, Environment(
        device_id=options.device,
        attributes=_values(options.request, "environment", documents),
        supported_tests=options.supports,
        split_group=options.split_group if guest else None,
    )


def _values(
    pairs: list[tuple[str, str]], source: str, documents: Mapping[str, Mapping[str, object]]
) -> Values:
    """The values as the tests' own conditions expect them: a version 1.10 is no number."""
    asked: dict[str, set[bool]] = {}
    for document in documents.values():
        for predicate in predicates(document.get("conditions")):
            if predicate.get("source") == source:
                asked.setdefault(str(predicate.get("filter")), set()).add(_wants_text(predicate))
    values: Values = {}
    for name, text in pairs:
        if name not in asked:
            close = closest(name, asked)
            what = "the user's" if source == "user" else "the request's"
            note(f"no condition asks for {what} {name}" + (f"; did you mean {close}?" if close else ""))
        # Whoever quotes the value, or means none at all, has thought of JSON.
        as_text = asked.get(name) == {True} and not text.startswith('"') and text != "null"
        values[name] = text if as_text else _read(text)
    return values


def _wants_text(predicate: Mapping[str, object]) -> bool:
    if str(predicate.get("operator")).startswith("has"):
        return False
    value = predicate.get("value")
    operands = value if isinstance(value, list) else [value]
    return predicate.get("type") in TEXT_TYPES or any(isinstance(operand, str) for operand in operands)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _hint_at_keys(names: list[str], known: set[str]) -> None:
    for name in names:
        close = None if name in known else closest(name, known)
        if close is not None:
            note(f"there is no {name}; did you mean {close}?")
