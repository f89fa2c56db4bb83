"""``usersplit-sdk codegen`` as a continuous integration runs it: a process of its own, against this server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from delivery.services import deliver
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind
from experiments.services import apply_verb
from tests.factories import make_experiment

SDK = Path(__file__).resolve().parent.parent.parent / "sdk"


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Pipeline:
    """A job that has the token in its environment, and works in a folder of its own."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.folder, self.url, self.token = folder, url, token

    def run(self, *arguments: object, **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "USERSPLIT_TOKEN": self.token, "MYPYPATH": str(SDK), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert self.token not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def codegen(self, *arguments: object, **environment: str) -> Done:
        source = ("--url", self.url, "--output", "names.py", *arguments)
        return self.run("usersplit_sdk", "codegen", *source, **environment)


@pytest.fixture
def pipeline(transactional_db: None, manager: Actor, live_server: Any, tmp_path: Path) -> Pipeline:
    make_experiment(manager, Status.RUNNING, key="green_button")
    make_experiment(manager, Status.RUNNING, Kind.GROUP, key="christmas")
    make_experiment(manager, Status.DRAFT, key="secret_plan")
    deliver()
    _, token = create_token(manager, "continuous integration", [Scope.DELIVER])
    return Pipeline(tmp_path, live_server.url, token)


def test_check_fails_from_the_delivery_on_that_makes_the_module_stale(
    pipeline: Pipeline, manager: Actor
) -> None:
    assert pipeline.codegen("--check") == (
        1,
        "",
        "names.py does not exist; run without --check to write it\n",
    )
    assert pipeline.codegen() == (0, "names.py is written\n", "")
    assert pipeline.codegen("--check") == (0, "names.py is up to date\n", "")
    assert "secret_plan" not in (pipeline.folder / "names.py").read_text()

    # Statuses are none of its business.
    apply_verb(manager, Experiment.objects.get(key="green_button"), Verb.PAUSE)
    deliver()
    assert pipeline.codegen("--check").code == 0

    before = (pipeline.folder / "names.py").read_bytes()
    make_experiment(manager, Status.DEV, key="red_banner")
    deliver()
    stale = pipeline.codegen("--check")
    assert stale.code == 1
    assert "names.py is stale" in stale.err
    assert "RED_BANNER" in stale.err
    assert (pipeline.folder / "names.py").read_bytes() == before
    assert pipeline.codegen().code == 0
    assert pipeline.codegen("--check").code == 0


def test_a_server_and_its_delivery_folder_make_the_same_module(pipeline: Pipeline, tmp_path: Path) -> None:
    assert pipeline.codegen().code == 0
    folder = settings.DELIVERY_DIR
    done = pipeline.run("usersplit_sdk", "codegen", folder, "--output", "names.py", "--check")
    assert done == (0, "names.py is up to date\n", "")


USE = """\
from names import GREEN_BUTTON, GreenButtonTest, get_green_button, is_in_christmas, log_green_button
from usersplit_sdk import Client


def color(client: Client) -> str:
    variant = get_green_button(client)
    log_green_button(client, "green")
    log_green_button(client, "gren")
    is_in_christmas(client)
    client.explain(GREEN_BUTTON)
    if variant == "gren":
        return ""
    return GreenButtonTest.GREN
"""


def test_a_typo_is_a_type_error(pipeline: Pipeline) -> None:
    assert pipeline.codegen().code == 0
    (pipeline.folder / "use.py").write_text(USE)
    options = ("--strict", "--config-file=", "--cache-dir", pipeline.folder / "cache")
    done = pipeline.run("mypy", *options, "use.py", "names.py")
    assert done.code == 1
    wrong = {number for number, line in enumerate(USE.splitlines(), start=1) if re.search("gren|GREN", line)}
    found = {int(number) for number in re.findall(r"^use\.py:(\d+): error", done.out, re.MULTILINE)}
    assert found == wrong, done.out
    assert "names.py:" not in done.out


def test_exit_codes_tell_a_wrong_call_from_a_server_that_does_not_answer(
    pipeline: Pipeline, manager: Actor
) -> None:
    no_token = pipeline.codegen(USERSPLIT_TOKEN="")
    assert no_token.code == 2
    assert "USERSPLIT_TOKEN" in no_token.err
    unknown = pipeline.codegen(USERSPLIT_TOKEN="ust_nobody")
    assert (unknown.code, "401" in unknown.err) == (1, True)
    _, reading = create_token(manager, "reads only", [Scope.READ])
    refused = pipeline.codegen(USERSPLIT_TOKEN=reading)
    assert refused.code == 1
    assert "it needs the scope deliver" in refused.err
    assert not (pipeline.folder / "names.py").exists()
