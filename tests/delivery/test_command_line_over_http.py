"""``usersplit-sdk`` reading this server instead of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from delivery.selectors import code_places_of
from delivery.services import deliver
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.factories import make_experiment
from usersplit_sdk.cli import main

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def server(
    transactional_db: None, manager: Actor, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The arguments that name it; the token is in the environment."""
    make_experiment(manager, Status.RUNNING, key="green_button")
    make_experiment(manager, Status.FINISHED, key="old_banner")
    deliver()
    _, token = create_token(manager, "continuous integration", [Scope.DELIVER])
    monkeypatch.setenv("USERSPLIT_TOKEN", token)
    return ["--url", live_server.url]


def test_check_explains_what_the_server_delivers(server: list[str], capsys: Printed) -> None:
    assert main(["check", *server, "--user", "1", "--json"]) == 0
    rows = {row["test"]: row for row in json.loads(capsys.readouterr().out)}
    assert sorted(rows) == ["green_button", "old_banner"]
    assert all(row["explanation"] for row in rows.values())


def test_code_that_names_a_finished_test_fails_in_continuous_integration(
    server: list[str], tmp_path: Path, capsys: Printed
) -> None:
    module = tmp_path / "split_names.py"
    assert main(["codegen", *server, "--output", str(module)]) == 0
    assert main(["codegen", *server, "--output", str(module), "--check"]) == 0
    (tmp_path / "view.py").write_text('client.get_active_variant("green_button", user)\n')
    assert main(["scan", str(tmp_path), *server, "--strict"]) == 0
    (tmp_path / "view.py").write_text("from split_names import get_old_banner\n")
    assert main(["scan", str(tmp_path), *server]) == 1
    assert "finished, and still in the code: old_banner" in capsys.readouterr().out


def test_token_that_the_server_does_not_know_is_an_error(
    server: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("USERSPLIT_TOKEN", "n0t-a-token")
    assert main(["show", *server]) == 1
    printed = capsys.readouterr()
    assert "401" in printed.err
    assert "n0t-a-token" not in printed.out + printed.err


def test_a_scan_that_is_reported_says_where_the_tests_are(
    server: list[str], manager: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    _, token = create_token(manager, "pipeline", [Scope.DELIVER, Scope.MANAGE])
    monkeypatch.setenv("USERSPLIT_TOKEN", token)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "view.py").write_text('\nclient.get_active_variant("green_button", user)\n"old_banner"\n')
    command = ["scan", str(folder), "--report", server[1], "--repository", "shop/web"]
    assert main(command) == 1
    assert "note: 2 places of shop/web reported" in capsys.readouterr().err
    old_banner = Experiment.objects.get(key="old_banner")
    assert [str(place) for place in code_places_of(old_banner)] == ["shop/web view.py:3"]
    (folder / "view.py").write_text('client.get_active_variant("green_button", user)\n')
    assert main(command) == 0
    assert code_places_of(old_banner) == []
    _, reader = create_token(manager, "only reads", [Scope.DELIVER])
    monkeypatch.setenv("USERSPLIT_TOKEN", reader)
    assert main(command) == 2
    assert "needs the scope manage" in capsys.readouterr().err
