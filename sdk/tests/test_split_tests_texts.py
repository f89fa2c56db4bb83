"""The page about variants as code: what it says happens."""

import hashlib
import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "variants-as-code.md"
TEST = {
    "format": 1,
    "kind": "test",
    "key": "catalogue_delay",
    "status": "running",
    "side": "server",
    "settings_group": 1,
    "conditions": [],
    "variants": [
        {"name": "control", "split_groups": [[1, 1000]]},
        {"name": "long", "split_groups": [[1001, 2000]]},
    ],
}


def deliver(folder: Path) -> None:
    (folder / "tests").mkdir(parents=True)
    body = json.dumps(TEST).encode()
    (folder / "tests" / "catalogue_delay.json").write_bytes(body)
    files = {"tests/catalogue_delay.json": hashlib.sha256(body).hexdigest()}
    manifest = {"format": 1, "version": 1, "published_at": "2026-11-22T12:00:00Z", "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_code_on_the_page_answers_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(tmp_path / "delivery")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    source, answers = re.subn(
        r"^( *)(.+?)  # -> (.+)$",
        lambda line: f"{line[1]}check({line[2]}, {line[3]!r})",
        "\n".join(blocks),
        flags=re.MULTILINE,
    )
    checked = []

    def check(value: object, expected: str) -> None:
        checked.append(expected)
        assert getattr(value, "__name__", repr(value)) == expected

    names = {"check": check, "__name__": "page"}
    exec(source, names)
    names["client"].close()  # type: ignore[attr-defined]
    assert len(checked) == answers == 10
