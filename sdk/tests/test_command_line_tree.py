"""``check --tree``: every condition as it was evaluated, the value beside it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk import trace_conditions
from usersplit_sdk.cli import main


def ask(name: str, value: object, source: str = "user", operator: str = "eq") -> dict[str, Any]:
    return {"filter": name, "source": source, "operator": operator, "value": value}


TREE = [
    ask("is_test_user", True), "OR",
    ask("country_id", [50, 60], operator="in"), "AND", [ask("platform", "web", "environment"), "OR", []], "OR",
    [ask("age", 18, operator="gte")],
]  # fmt: skip
TEST = {
    "format": 1, "kind": "test", "key": "green_button", "status": "running", "side": "server", "settings_group": 3,
    "conditions": TREE, "variants": [{"name": "green", "split_groups": [[1, 2400]]}],
}  # fmt: skip


def deliver(folder: Path, *documents: dict[str, Any]) -> Path:
    files = {}
    for document in documents:
        path = f"{document['kind']}s/{document['key']}.json"
        body = json.dumps(document).encode()
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(body)
        files[path] = hashlib.sha256(body).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "version": 5, "files": files}))
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["check", *map(str, arguments), "--tree"]) == 0
    return capsys.readouterr().out


def test_every_condition_is_shown_with_its_state_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = deliver(tmp_path, TEST)
    who = ("--user", "1", "--split-group", "7", "--attribute", "country_id=50", "--request", "platform=ios")
    assert run(capsys, folder, "green_button", *who).split("\n\n")[1].splitlines() == [
        "green_button: the conditions are met",
        "state          condition                          value                   path",
        "true           any of                             -                       conditions",
        "false            is_test_user is true             the user has none       conditions[0]",
        "true             all of                           -                       -",
        "true               country_id is one of [50, 60]  the user's is 50        conditions[2]",
        "true               any of                         -                       conditions[4]",
        'false                platform is "web"            the request\'s is "ios"  conditions[4][0]',
        "true                 always                       -                       conditions[4][2]",
        "not evaluated    all of                           -                       conditions[6]",
        "not evaluated      age is at least 18             -                       conditions[6][0]",
    ]  # fmt: skip


def test_json_has_the_whole_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = json.loads(run(capsys, deliver(tmp_path, TEST), "green_button", "--json"))
    assert row["test"] == "green_button"
    assert row["tree"] == trace_conditions(TREE).as_json()


def test_a_user_group_has_a_tree_and_what_cannot_be_used_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    group = {**TEST, "kind": "group", "key": "vips"}
    folder = deliver(tmp_path, {**TEST, "status": "odd"}, group)
    assert run(capsys, folder, "vips", "green_button", "nowhere").count("the conditions are") == 1
    told = json.loads(run(capsys, folder, "vips", "green_button", "nowhere", "--json"))
    assert ["tree" in row for row in told] == [True, False, False]


def test_what_stands_in_files_and_values_cannot_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\n\u202e"
    test = {
        **TEST,
        "conditions": [ask(evil, evil), "OR", ask("name", evil), "OR", ask(evil, 1, "environment")],
    }
    folder = deliver(tmp_path, test)
    who = ("--user", evil, "--device", evil, "--attribute", f"name={evil}", "--request", f"{evil}={evil}")
    assert main(["check", str(folder), "green_button", evil, *who, "--tree"]) == 0
    printed = capsys.readouterr()
    assert all(line.isprintable() for line in (printed.out + printed.err).split("\n"))
    assert "\\x1b" in printed.out
