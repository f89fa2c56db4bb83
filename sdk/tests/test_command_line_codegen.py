"""``codegen``: writes a module whole or not at all, and nothing but what it has written before."""

import hashlib
import io
import json
import os
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from usersplit_sdk.cli import main


def deliver(folder: Path, **variants: list[str]) -> None:
    files = {}
    for key, names in variants.items():
        document = {
            "format": 1,
            "kind": "test",
            "key": key,
            "status": "running" if names else "odd",
            "side": "server",
            "settings_group": 1,
            "conditions": [],
            "variants": [{"name": name, "split_groups": []} for name in names],
        }
        body = json.dumps(document).encode()
        (folder / "tests").mkdir(parents=True, exist_ok=True)
        (folder / f"tests/{key}.json").write_bytes(body)
        files[f"tests/{key}.json"] = hashlib.sha256(body).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "version": 1, "files": files}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deliver(tmp_path / "delivery", green_button=["control", "green"])
    return tmp_path / "delivery"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return tmp_path / "split_tests.py"


def codegen(*arguments: object) -> int:
    return main(["codegen", *map(str, arguments)])


def test_module_is_written_and_known_to_be_up_to_date(
    folder: Path, module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codegen(folder, "--output", module) == 0
    assert "is written" in capsys.readouterr().out
    compile(module.read_text(), "split_tests.py", "exec")
    assert codegen(folder, "--output", module, "--check") == 0
    written = module.stat().st_mtime_ns
    assert codegen(folder, "--output", module) == 0
    assert module.stat().st_mtime_ns == written
    assert [path.name for path in module.parent.iterdir() if path.name.startswith(".")] == []


def test_check_says_what_is_stale_and_writes_nothing(
    folder: Path, module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codegen(folder, "--output", module, "--check") == 1
    assert "does not exist" in capsys.readouterr().err
    codegen(folder, "--output", module)
    present = module.read_bytes()
    deliver(folder, green_button=["control", "green", "blue\x1b[31m"], other=["a"])
    assert codegen(folder, "--output", module, "--check") == 1
    told = capsys.readouterr().err
    assert "is stale" in told
    assert '+    "blue\\x1b[31m",' in told
    assert "\x1b" not in told
    assert "more lines" in told
    assert module.read_bytes() == present


def test_formatter_and_line_endings_make_nothing_stale(folder: Path, module: Path) -> None:
    codegen(folder, "--output", module)
    text = module.read_text()
    module.write_bytes(("\n\n" + text.replace('"green"', "'green'")).replace("\n", "\r\n").encode())
    assert codegen(folder, "--output", module, "--check") == 0


@pytest.mark.parametrize("present", [b"", b"def mine(): pass\n", b"\xff\xfe", b"\0" * 10])
def test_file_of_somebody_else_is_left_alone(
    folder: Path, module: Path, present: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    module.write_bytes(present)
    assert codegen(folder, "--output", module) == 1
    assert "--force" in capsys.readouterr().err
    assert module.read_bytes() == present
    assert codegen(folder, "--output", module, "--force") == 0
    assert b"GREEN_BUTTON" in module.read_bytes()


def test_what_a_generated_module_was_made_into_is_never_run(folder: Path, module: Path) -> None:
    codegen(folder, "--output", module)
    trap = module.parent / "trap"
    module.write_text(f"{module.read_text()}\nopen({str(trap)!r}, 'w')\n")
    assert codegen(folder, "--output", module, "--check") == 1
    module.write_text(module.read_text().splitlines()[0] + "\n" + "(" * 100_000)
    assert codegen(folder, "--output", module, "--check") == 1
    assert not trap.exists()


def test_link_and_mode_outlive_the_writing(folder: Path, module: Path) -> None:
    real = module.with_name("real.py")
    module.symlink_to(real)
    assert codegen(folder, "--output", module) == 0
    assert module.is_symlink()
    umask = os.umask(0)
    os.umask(umask)
    assert real.stat().st_mode & 0o777 == 0o666 & ~umask
    real.chmod(0o604)
    deliver(folder, green_button=["new"])
    assert codegen(folder, "--output", module) == 0
    assert real.stat().st_mode & 0o777 == 0o604
    assert '"new"' in real.read_text()


def test_file_that_cannot_be_used_stops_it(
    folder: Path, module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codegen(folder, "--output", module)
    present = module.read_bytes()
    deliver(folder, green_button=["green"], broken=[])
    for check in ([], ["--check"]):
        assert codegen(folder, "--output", module, *check) == 1
        assert "tests/broken.json: status" in capsys.readouterr().err
    assert module.read_bytes() == present


@pytest.mark.parametrize("output", ["", "no/such/folder.py", "loop", "pipe"])
def test_output_that_cannot_be_written_is_an_error(
    folder: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    assert codegen(folder, "--output", folder / output) == 1
    assert str(folder / output) in capsys.readouterr().err


def test_dash_prints_the_module(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert codegen(folder, "--output", "-") == 0
    compile(capsys.readouterr().out, "printed.py", "exec")
    caught = io.StringIO()
    with redirect_stdout(caught):
        assert codegen(folder, "--output", "-") == 0
    compile(caught.getvalue(), "printed.py", "exec")


def test_printed_module_is_what_python_reads_whatever_the_terminal_can_show(
    tmp_path: Path, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path / "delivery", green_button=["Grün"])
    codegen(tmp_path / "delivery", "--output", module)
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert codegen(tmp_path / "delivery", "--output", "-") == 0
    assert written.getvalue() == module.read_bytes()


@pytest.mark.parametrize("wrong", [["--check", "--output", "-"], []])
def test_wrong_call_is_refused(folder: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        codegen(folder, *wrong)
    assert stopped.value.code == 2
