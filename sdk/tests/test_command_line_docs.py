"""The page about the command line shows what the commands print."""

import hashlib
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk.cli import main

PAGE = (Path(__file__).parent.parent / "docs/command-line.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(\$ usersplit-sdk .*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TEST: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "status": "running",
    "side": "server",
    "settings_group": 1,
    "conditions": [],
    "variants": [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "green", "split_groups": [[1201, 1800]]},
    ],
}
CONDITIONS = [
    {"filter": "is_test_user", "source": "user", "operator": "eq", "value": True},
    "OR",
    [
        {"filter": "country_id", "source": "user", "operator": "in", "value": [50]},
        "AND",
        {"filter": "app_version", "source": "user", "operator": "version_gte", "value": "1.10"},
    ],
]
DOCUMENTS = [
    {**TEST, "key": "green_button", "conditions": CONDITIONS},
    {
        **TEST,
        "key": "old_banner",
        "status": "finished",
        "outcome": {"result": "winner", "variant": "green", "scope": "everywhere"},
    },
    {**TEST, "key": "dark_mode", "side": "client"},
    {**TEST, "key": "christmas", "kind": "group"},
]
VIEW = """\
from shop.split_names import GreenButtonTest, get_green_button


def color(client, user, request):
    if get_green_button(client, user, request) == GreenButtonTest.GREEN:
        return "green"
    if client.get_active_variant("dark_mod", user, request):
        return "black"
    return "grey"
"""
TEMPLATE = '{% load usersplit %}\n{% variant "old_banner" as banner %}\n'


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The delivery and the code that the page is about, in the current folder."""
    files = {}
    for document in DOCUMENTS:
        path = f"{document['kind']}s/{document['key']}.json"
        body = json.dumps(document).encode()
        (tmp_path / "delivery" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "delivery" / path).write_bytes(body)
        files[path] = hashlib.sha256(body).hexdigest()
    manifest = {"format": 1, "version": 118, "published_at": "2026-11-22T00:00:00Z", "files": files}
    (tmp_path / "delivery/manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "shop/templates").mkdir(parents=True)
    (tmp_path / "shop/views.py").write_text(VIEW)
    (tmp_path / "shop/templates/home.html").write_text(TEMPLATE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commit(folder: Path, date: str) -> None:
    variables = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "GIT_CONFIG_GLOBAL": os.devnull}
    identity = ["-c", "user.name=Mia", "-c", "user.email=mia@usersplit.example"]
    for command in (["init", "-q"], ["add", "shop"], [*identity, "commit", "-qm", "the shop"]):
        subprocess.run(["git", *command], cwd=folder, env={**os.environ, **variables}, check=True)


def test_commands_print_what_the_page_shows(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(BLOCKS) == 5
    main(["codegen", "delivery", "--output", "shop/split_names.py"])
    commit(shop, "2026-03-14T12:00:00Z")
    (shop / "shop/split_names.py").unlink()
    for block in BLOCKS:
        for command, shown in re.findall(r"\$ usersplit-sdk (.*)\n((?:(?!\$).*\n)*)", block):
            capsys.readouterr()
            main(shlex.split(command))
            assert capsys.readouterr().out == shown


def test_json_of_the_page_has_the_names_that_there_are(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = re.search(r'^(\{"format": 1.*?\})\n```', PAGE, re.DOTALL | re.MULTILINE)
    assert shown is not None
    example = json.loads(shown[1].replace("}]}, …]", "}]}]"))
    main(["codegen", "delivery", "--output", "shop/split_names.py"])
    capsys.readouterr()
    main(["scan", "shop", "--source", "delivery", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(example)
    del example["tests"][0]["uses"][0]["since"]
    [banner] = [test for test in found["tests"] if test["key"] == "old_banner"]
    assert example["tests"][0] == {**banner, "uses": banner["uses"][1:]}
    assert {**example["unknown"][0], "text": ""} == {**found["unknown"][0], "text": ""}
    assert (example["unused"], example["finished_in_use"]) == (found["unused"], found["finished_in_use"])
    assert example["skipped"] == found["skipped"]
