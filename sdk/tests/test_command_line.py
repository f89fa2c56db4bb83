"""The command line: ``check``, ``show``, ``lint``."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    document = {
        "format": 1,
        "kind": "test",
        "key": "green_button",
        "status": "running",
        "side": "client",
        "settings_group": 3,
        "conditions": [{"filter": "country_id", "source": "user", "operator": "in", "value": [50]}],
        "variants": [{"name": "green", "split_groups": [[1, 600]]}],
    }
    body = json.dumps(document).encode()
    broken = json.dumps({**document, "key": "broken", "status": "odd"}).encode()
    (tmp_path / "tests").mkdir()
    files = {}
    for name, content in (("green_button", body), ("broken", broken)):
        (tmp_path / f"tests/{name}.json").write_bytes(content)
        files[f"tests/{name}.json"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "version": 5, "files": files}))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def check(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, _ = run(capsys, "check", *arguments, "--json")
    assert code == 0
    [row] = json.loads(out)
    assert isinstance(row, dict)
    return row


def test_check_says_what_a_user_gets_and_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user = [folder, "green_button", "--user", "1", "--split-group", "600"]
    assert check(capsys, *user)["detail"] == "conditions[0]"
    user += ["--attribute", "country_id=50"]
    assert check(capsys, *user)["reason"] == "NOT_SUPPORTED_BY_CLIENT"
    assert check(capsys, *user, "--supports", "green_button")["variant"] == "green"
    code, out, _ = run(capsys, "check", folder)
    assert code == 0
    assert "INVALID_TEST_FILE" in out
    assert "CONDITIONS_NOT_MET" in out


def test_show_lists_the_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", folder)
    assert code == 0
    assert "version 5" in out
    assert "green 25%" in out
    assert json.loads(run(capsys, "show", folder, "--json")[1])["version"] == 5


def test_lint_names_faults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tests/stray.json").write_text("{}")
    code, out, err = run(capsys, "lint", folder)
    assert code == 1
    assert "tests/broken.json: status: must be" in err
    assert "tests/stray.json is not in the manifest" in out
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["tests/broken.json"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert run(capsys, "lint", folder)[0] == 0


@pytest.mark.parametrize("command", ["check", "show", "lint"])
def test_missing_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, _, err = run(capsys, command, tmp_path / "nowhere")
    assert code == 1
    assert "manifest.json" in err


@pytest.mark.parametrize("wrong", [["--attribute", "x"], ["--now", "soon"], ["--split-group", "many"]])
def test_wrong_call_is_refused(folder: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(folder), *wrong])
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err
