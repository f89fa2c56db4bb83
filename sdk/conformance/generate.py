"""Random tests and subjects with the naive evaluator's answers: ``python -m conformance.generate`` (in ``sdk/``) writes
``generated.json`` anew, the same each time. What stands in it, an installation's database can hold as well."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from conformance.naive import Setting, decide
from conformance.pools import NOW, OPERANDS, TIMES, VALUES, predicate

PLACE = Path(__file__).parent / "generated.json"
SEED = 2400
TESTS, GROUPS, SUBJECTS = 60, 12, 400
OFF = {"user_ids": ["off"], "device_ids": ["d-off"]}
NAMES = ("a", "b")
IDENTITIES = (None, *("u1", "u2", "u3") * 5, "off")
DEVICES = (None, *("d1", "d2") * 8, "d-off")


def _tree(choose: random.Random, depth: int) -> list[Any]:
    tree: list[Any] = []
    for _ in range(choose.choice((0, 1, 1, 1, 2, 3))):
        inner = depth > 0 and choose.random() < 0.3
        operand = _tree(choose, depth - 1) if inner else _predicate(choose)
        tree += [choose.choice(("AND", "OR"))] * bool(tree) + [operand]
    return tree


def _predicate(choose: random.Random) -> dict[str, Any]:
    operator = choose.choice(sorted(OPERANDS))
    source = choose.choice(("user", "environment"))
    return predicate(choose.choice(NAMES), source, operator, choose.choice(OPERANDS[operator]))


def _split_groups(choose: random.Random) -> list[list[dict[str, Any]]]:
    """Few split groups of both variants, so that subjects meet all of them."""
    edges = sorted(choose.sample(range(1, 13), 6))
    ranges = [[first, last - 1] for first, last in pairwise(edges) if first < last]
    split = choose.randint(0, len(ranges))
    return [
        [
            {"name": "control", "split_groups": ranges[:split]},
            {"name": "green", "split_groups": ranges[split:]},
        ],
        [{"name": "control", "split_groups": [[1, 1200]]}, {"name": "green", "split_groups": [[1201, 2400]]}],
    ]


def _outcome(choose: random.Random) -> dict[str, Any]:
    if choose.random() < 0.25:
        return {"result": "rejected"}
    scope = choose.choice(("everywhere", "conditions"))
    return {"result": "winner", "variant": choose.choice(("control", "green")), "scope": scope}


def _forced(choose: random.Random) -> list[dict[str, Any]]:
    who = choose.choice(({"user_id": "u1"}, {"user_id": "u2"}, {"device_id": "d1"}))
    where = choose.choice(("production", "devel"))
    return [{"variant": choose.choice(("control", "green")), **who, "environment": where}]


def _test(choose: random.Random, number: int) -> dict[str, Any]:
    status = choose.choice(("running",) * 6 + ("dev", "paused", "finished"))
    starts_at, ends_at = sorted(choose.sample(TIMES, 2))
    return {
        "format": 1,
        "kind": "test",
        "key": f"test_{number}",
        "status": status,
        "side": choose.choice(("server", "server", "client", "client_server")),
        "settings_group": choose.randint(1, 5),
        "starts_at": choose.choice((None, None, starts_at)),
        "ends_at": choose.choice((None, None, ends_at)),
        "conditions": _tree(choose, 3),
        "control": "control",
        "variants": choose.choice(_split_groups(choose)),
        "forced": _forced(choose) if choose.random() < 0.3 else [],
        "outcome": _outcome(choose) if status == "finished" else None,
        "tokens": {},
    }


def _group(choose: random.Random, number: int) -> dict[str, Any]:
    test = _test(choose, number)
    names = ("format", "settings_group", "starts_at", "ends_at", "conditions")
    return {
        **{name: test[name] for name in names},
        "kind": "group",
        "key": f"group_{number}",
        "status": choose.choice(("running", "running", "dev", "paused")),
    }


def _attributes(choose: random.Random) -> dict[str, Any]:
    return {name: choose.choice(VALUES) for name in NAMES if choose.random() < 0.85}


def _subject(choose: random.Random, key: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    flag = choose.choice(({}, {"is_test_user": True}, {"is_test_user": False}))
    numbers = (None, 1201, *range(1, 14), *range(1, 13))
    user = {
        "id": choose.choice(IDENTITIES),
        "split_group": choose.choice(numbers),
        "attributes": {**_attributes(choose), **flag},
    }
    request = {
        "device_id": choose.choice(DEVICES),
        "attributes": _attributes(choose),
        "supported_tests": choose.choice((None, [], ["other", key], [key], [key])),
        "split_group": choose.choice(numbers),
    }
    return user if choose.random() < 0.85 else None, request if choose.random() < 0.9 else None


def _cases(choose: random.Random, tests: list[Any], groups: list[Any]) -> Iterator[dict[str, Any]]:
    setting = Setting(NOW, off=[*OFF["user_ids"], *OFF["device_ids"]])
    for number in range(SUBJECTS):
        test = tests[number % len(tests)]
        user, request = _subject(choose, test["key"])
        variant, reason, detail = decide(test, user, request, setting)
        expected = {"variant": variant, "reason": reason, "detail": detail}
        yield {"test": test["key"], "user": user, "request": request, "expect": expected}
        if number % 5 == 0:
            group = groups[number // 5 % len(groups)]
            member = decide(group, user, request, setting)[0] is not None
            yield {"group": group["key"], "user": user, "request": request, "expect": {"member": member}}


def generate() -> str:
    """The file's text."""
    choose = random.Random(SEED)  # noqa: S311 - the same each time is the point
    tests = [_test(choose, number) for number in range(TESTS)]
    groups = [_group(choose, number) for number in range(GROUPS)]
    parts: dict[str, Any] = {
        "name": "random tests, user groups and subjects",
        "tests": tests,
        "groups": groups,
        "environment": "production",
        "now": NOW.isoformat().replace("+00:00", "Z"),
        "tests_off": OFF,
        "cases": list(_cases(choose, tests, groups)),
    }
    return (
        "{\n" + ",\n".join(f"  {json.dumps(name)}: {_lines(part)}" for name, part in parts.items()) + "\n}\n"
    )


def _lines(part: Any) -> str:
    """A list with one item a line, so that a change can be read."""
    if not isinstance(part, list):
        return json.dumps(part)
    return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in part) + "\n  ]"


if __name__ == "__main__":
    PLACE.write_text(generate(), encoding="utf-8")
