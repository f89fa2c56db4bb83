"""``scan``: what it tells people, what it tells machines, and its exit codes."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk.cli import main


def document(key: str, *variants: str, **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": name, "split_groups": []} for name in variants],
        **changes,
    }


def deliver(folder: Path, *documents: dict[str, Any]) -> None:
    files = {}
    for item in documents:
        path = f"{item['kind']}s/{item['key']}.json"
        body = json.dumps(item).encode()
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
        files[path] = hashlib.sha256(body).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "version": 7, "files": files}))


WINNER = {"result": "winner", "variant": "b", "scope": "everywhere"}


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    group = {name: value for name, value in document("vips").items() if name != "variants"}
    deliver(
        tmp_path / "delivery",
        document("green_button", "a", "b"),
        document("old_banner", "a", "b", status="finished", outcome=WINNER),
        document("forgotten", "a", status="finished", tokens={"pay.now": {"a": {"en": "Pay"}}}),
        document("broken", status="odd"),
        {**group, "kind": "group"},
    )
    return tmp_path / "delivery"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "shop.py").write_text('a = client.get_active_variant("green_button", user)\n')
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    exit_code = main(["scan", *map(str, arguments)])
    printed = capsys.readouterr()
    return exit_code, printed.out, printed.err


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    exit_code, out, _ = run(capsys, *arguments, "--json")
    found = json.loads(out)
    assert isinstance(found, dict)
    return exit_code, found


def test_clean_code_is_clean(code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exit_code, out, err = run(capsys, code, "--source", delivery)
    assert exit_code == 0
    assert out == (
        "green_button (running)\n"
        f'  {code}/shop.py:1:32  a = client.get_active_variant("green_button", user)\n'
        "not in this code: broken (INVALID), vips (user group, running)\n"
        "1 file searched\n"
    )
    assert err == "note: tests/broken.json: status: must be dev or running or paused or finished\n"


def test_line_is_shown_once_however_often_it_names_the_test(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code / "shop.py").write_text("'green_button' 'green_button'\n'green_button' 'old_banner'\n")
    _, out, _ = run(capsys, code, "--source", delivery)
    places = [
        line.split("  ")[1].removeprefix(f"{code}/") for line in out.splitlines() if line.startswith("  ")
    ]
    assert places == ["shop.py:1:2", "shop.py:2:2", "shop.py:2:17"]
    assert len(report(capsys, code, "--source", delivery)[1]["tests"][2]["uses"]) == 3


def test_finished_test_in_the_code_is_exit_code_one(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code / "page.html").write_text('\n {% variant "old_banner" as v %}')
    exit_code, out, _ = run(capsys, code, "--source", delivery)
    assert exit_code == 1
    assert "old_banner (finished, b won)\n" in out
    assert "page.html:2:14" in out
    assert "finished, and still in the code: old_banner" in out


def test_texts_of_a_finished_test_are_uses_of_it(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code / "page.py").write_text("client.text('pay.now', language='en', default='Pay')")
    exit_code, found = report(capsys, code, "--source", delivery)
    assert (exit_code, found["finished_in_use"]) == (1, ["forgotten"])
    deliver(
        delivery,
        document("forgotten", "a", status="finished", tokens={"pay.now": {}}),
        document("successor", "a", tokens={"pay.now": {}}),
    )
    exit_code, found = report(capsys, code, "--source", delivery)
    assert (exit_code, found["finished_in_use"]) == (0, [])


def test_unknown_keys_are_told_and_strict_makes_them_faults(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code / "typo.js").write_text("getActiveVariant('gren_button')")
    exit_code, out, _ = run(capsys, code, "--source", delivery)
    assert exit_code == 0
    assert "typo.js:1:19  gren_button (did you mean green_button?)" in out
    assert run(capsys, code, "--source", delivery, "--strict")[0] == 1


def test_json_keeps_its_shape(code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code / "typo.py").write_text("explain('gren_button')\n'old_banner'")
    (code / "logo.png").write_bytes(b"\0")
    exit_code, found = report(capsys, code, "--source", delivery)
    assert exit_code == 1
    place = {"file": f"{code}/typo.py", "line": 2, "column": 2, "kind": "text"}
    use = {**place, "name": "old_banner", "text": "'old_banner'"}
    unknown = {**place, "line": 1, "column": 10, "kind": "call", "name": "gren_button"}
    assert found["tests"][3] == {
        "key": "old_banner",
        "kind": "test",
        "status": "finished",
        "winner": "b",
        "uses": [use],
    }
    assert [test["key"] for test in found.pop("tests")] == sorted(
        ["broken", "forgotten", "green_button", "old_banner", "vips"]
    )
    assert found == {
        "format": 1,
        "version": 7,
        "files": 2,
        "skipped": {"binary": 1, "large": 0, "link": 0, "unreadable": 0},
        "finished_in_use": ["old_banner"],
        "unknown": [{"key": "gren_button", **unknown, "text": "explain('gren_button')"}],
        "unused": ["broken", "vips"],
    }


def test_generated_module_is_no_use_but_its_names_are(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(delivery, document("old_banner", "a", status="finished"), document("gone", "a"))
    assert main(["codegen", str(delivery), "--output", str(code / "split_names.py")]) == 0
    capsys.readouterr()
    exit_code, found = report(capsys, code, "--source", delivery)
    assert (exit_code, found["unused"]) == (0, ["gone"])
    assert "split_names.py" not in run(capsys, code, "--source", delivery)[1]
    (code / "view.py").write_text("from split_names import get_old_banner\nget_gone(client)\n")
    deliver(delivery, document("old_banner", "a", status="finished"))
    exit_code, found = report(capsys, code, "--source", delivery)
    assert (exit_code, found["finished_in_use"]) == (1, ["old_banner"])
    assert [(row["key"], row["kind"], row["name"]) for row in found["unknown"] if row["key"] == "gone"] == [
        ("gone", "generated", "gone"),
        ("gone", "name", "get_gone"),
    ]


def test_delivery_within_the_code_is_no_use_of_its_tests(
    tmp_path: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, found = report(capsys, tmp_path, "--source", delivery)
    assert (exit_code, found["files"]) == (0, 0)
    shutil.copytree(delivery, tmp_path / "code/copy")
    exit_code, found = report(capsys, tmp_path / "code", "--source", delivery)
    assert (exit_code, found["files"]) == (0, 1)  # the manifest, which names files and not tests
    (tmp_path / "code/copy/manifest.json").unlink()
    assert report(capsys, tmp_path / "code", "--source", delivery)[0] == 1


def test_without_a_source_every_call_is_listed(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exit_code, found = report(capsys, code)
    assert exit_code == 0
    assert [(test["key"], test["status"], len(test["uses"])) for test in found["tests"]] == [
        ("green_button", None, 1)
    ]
    assert (found["version"], found["unknown"], found["unused"]) == (None, [], [])


def test_paths_may_be_files_and_may_overlap(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(code)
    for paths in ([], ["."], [code, "."], ["shop.py", code / "shop.py"]):
        _, found = report(capsys, *paths, "--source", delivery)
        assert found["files"] == 1
    assert report(capsys, "--source", delivery)[1]["tests"][2]["uses"][0]["file"] == "shop.py"


def test_exclude_leaves_out_and_words_adds(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code / "config.yaml").write_text("test: old_banner\n")
    assert run(capsys, code, "--source", delivery)[0] == 0
    assert run(capsys, code, "--source", delivery, "--words")[0] == 1
    assert run(capsys, code, "--source", delivery, "--words", "--exclude", "*.yaml")[0] == 0


def test_name_of_a_file_cannot_pose_as_another_line(
    code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code / "a\n\x1b[2Jb.py").write_text("'old_banner' \x1b[31m")
    _, out, _ = run(capsys, code, "--source", delivery)
    assert "a\\n\\x1b[2Jb.py:1:2  'old_banner' \\x1b[31m\n" in out
    _, found = report(capsys, code, "--source", delivery)
    assert found["tests"][3]["uses"][0]["file"] == f"{code}/a\n\x1b[2Jb.py"


@pytest.mark.parametrize(
    "wrong",
    [["nowhere"], [".", "--strict"], [".", "--exclude", "["], [".", "--token-file", "x", "--source", "x"]],
)
def test_wrong_call_is_refused(wrong: list[str], code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(code)
    with pytest.raises(SystemExit) as stopped:
        main(["scan", *wrong])
    assert stopped.value.code == 2


def test_source_that_cannot_be_read_is_not_taken_for_clean(
    code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, out, err = run(capsys, code, "--source", tmp_path / "nowhere")
    assert (exit_code, out) == (2, "")
    assert err.startswith("manifest.json: there is none in")


def test_blame_says_since_when(code: Path, delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code / "old.py").write_text("'old_banner'\n")
    date = "2025-03-04T12:00:00Z"
    environment = {
        **os.environ,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    identity = ["-c", "user.name=Mia", "-c", "user.email=mia@usersplit.example"]
    for command in (["init", "-q"], ["add", "old.py"], [*identity, "commit", "-qm", "a banner"]):
        subprocess.run(["git", *command], cwd=code, env=environment, check=True)
    (code / "new.py").write_text("'old_banner'\n")
    _, out, _ = run(capsys, code, "--source", delivery, "--blame")
    assert "old.py:1:2  since 2025-03-04  'old_banner'" in out
    assert "new.py:1:2  since no commit  'old_banner'" in out
    _, found = report(capsys, code, "--source", delivery, "--blame")
    assert [use["since"] for use in found["tests"][3]["uses"]] == [None, "2025-03-04"]
