"""`manage.py deliver` writes the files and says what it did."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.actors import Actor
from experiments.lifecycle import Status, Verb
from experiments.services import apply_verb
from tests.factories import make_experiment


def run() -> str:
    output = StringIO()
    call_command("deliver", stdout=output)
    return output.getvalue()


def test_says_what_was_written_what_stayed_and_what_went(
    warehouse: object, manager: Actor, settings: Settings
) -> None:
    make_experiment(manager, Status.RUNNING, key="stays")
    goes = make_experiment(manager, Status.DEV, key="goes")

    first = run()
    assert "Version 1 (new)" in first
    assert "written    tests/goes.json" in first
    assert "written    tests/stays.json" in first

    assert "Version 1 (unchanged)" in run()

    apply_verb(manager, goes, Verb.WITHDRAW)
    third = run()
    assert "Version 2 (new)" in third
    assert "removed    tests/goes.json" in third
    assert "unchanged  1 file" in third
    manifest = json.loads((settings.DELIVERY_DIR / "manifest.json").read_bytes())
    assert list(manifest["files"]) == ["tests/stays.json"]
    assert not (settings.DELIVERY_DIR / "tests/goes.json").exists()


def test_a_folder_that_cannot_be_written_is_named(db: None, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.DELIVERY_DIR = tmp_path / "file" / "delivery"
    with pytest.raises(CommandError, match=r"file/delivery cannot be written: .*Set DELIVERY_DIR"):
        run()
