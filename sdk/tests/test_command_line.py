"""The command line: ``show``, ``lint``, and what all commands have in common."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize(
    ("changes", "oddity"),
    [
        ({"variants": [{"name": "green", "split_groups": []}]}, "no split group belongs to a variant"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ended on 2020-01-01 at 00:00 UTC"),
        ({"starts_at": "2020-01-02", "ends_at": "2020-01-01"}, "it ends before it starts"),
        ({}, None),
    ],
)
def test_lint_notes_what_is_sound_and_hardly_meant(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], oddity: str | None
) -> None:
    document = {**json.loads((folder / "tests/green_button.json").read_text()), **changes}
    body = json.dumps(document).encode()
    (folder / "tests/green_button.json").write_bytes(body)
    files = {"tests/green_button.json": hashlib.sha256(body).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "version": 5, "files": files}))
    (folder / "tests/broken.json").unlink()
    code, out, _ = run(capsys, "lint", folder)
    assert code == 0
    assert out.count("note: ") == (oddity is not None)
    assert oddity is None or oddity in out


@pytest.mark.parametrize("command", [["check"], ["show"], ["lint"], ["codegen", "--output", "x.py"]])
def test_missing_folder_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    code, _, err = run(capsys, *command, tmp_path / "nowhere")
    assert code == 1
    assert err == f"manifest.json: there is none in {tmp_path / 'nowhere'}\n"


@pytest.mark.parametrize(
    "manifest", [b"", b"[" * 100_000, b"\xff", b'{"format": 1, "version": 1, "files": []}']
)
@pytest.mark.parametrize("command", ["check", "show", "lint"])
def test_unusable_manifest_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str], manifest: bytes, command: str
) -> None:
    (folder / "manifest.json").write_bytes(manifest)
    code, out, err = run(capsys, command, folder)
    assert (code, out) == (1, "")
    assert err.startswith("manifest.json: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["nothing"],
        ["check"],
        ["show"],
        ["show", "one", "two"],
        ["show", "https://usersplit.example"],
        ["show", "one", "--url", "https://usersplit.example"],
        ["show", "one", "--token-file", "token"],
        ["check", "one", "--attribute", "x"],
        ["check", "one", "--attribute", "=x"],
        ["check", "one", "--now", "soon"],
        ["check", "one", "--user", ""],
        ["check", "one", "--split-group", "many"],
        ["check", "one", "--split-group", "0"],
        ["check", "one", "--split-group", "2401"],
        ["check", "one", "--split-group", "9" * 5000],
        ["check", "one", "--unknown"],
    ],
)
def test_wrong_call_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(wrong)
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_reader_that_goes_away_ends_it_quietly(folder: Path) -> None:
    names = [f"key_{n}" for n in range(20_000)]
    process = subprocess.Popen(
        [sys.executable, "-m", "usersplit_sdk", "check", str(folder), *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), errors) == (1, b"")


def test_text_of_a_file_cannot_pose_as_another_line_or_colour_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((folder / "tests/green_button.json").read_text())
    document["variants"][0]["name"] = "a\nfiles all sound\x1b[2J\u202e\ud800"
    body = json.dumps(document).encode()
    (folder / "tests/green_button.json").write_bytes(body)
    files = {"tests/green_button.json": hashlib.sha256(body).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "version": 5, "files": files}))
    _, out, _ = run(capsys, "show", folder)
    assert len(out.splitlines()) == 3
    assert "a\\nfiles all sound\\x1b[2J\\u202e\\ud800 25%" in out


def test_output_that_holds_ascii_only_is_enough(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "usersplit_sdk", "check", str(folder), "ключ", "green_button"],
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert rb"\u043a\u043b\u044e\u0447" in done.stdout
