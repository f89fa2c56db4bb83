"""What an app server decides, from the delivered folder alone, for every way a test can stand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.actors import Actor
from delivery.services import deliver
from experiments.lifecycle import Status, Verb
from experiments.services import apply_verb, force_user
from tests.factories import make_experiment

PAYING = [{"filter": "is_paying", "operator": "eq", "value": "yes"}]
ALL_GREEN: list[dict[str, object]] = [
    {"name": "control", "percent": "0", "is_control": True},
    {"name": "green", "percent": "100", "payload": {"color": "#0a0"}},
]
# An app server: the SDK and nothing else of ours.
APP_SERVER = """
import json, sys
from usersplit_sdk import Client, User
client = Client.from_directory(sys.argv[1], refresh_seconds=None)
users = {name: User(**user) for name, user in json.loads(sys.argv[2]).items()}
answers = {}
for key in json.loads(sys.argv[3]):
    answers[key] = {}
    for name, user in users.items():
        decision = client.explain(key, user)
        answers[key][name] = [decision.variant, str(decision.reason)]
print(json.dumps(answers))
"""
USERS = {
    "paying": {"id": "1", "split_group": 1200, "attributes": {"is_paying": True, "is_test_user": False}},
    "other": {"id": "2", "split_group": 1200, "attributes": {"is_paying": False, "is_test_user": False}},
    "test_user": {"id": "3", "split_group": 1200, "attributes": {"is_paying": True, "is_test_user": True}},
    "forced": {"id": "4", "split_group": None, "attributes": {}},
}


def ask_app_server(keys: list[str]) -> dict[str, dict[str, tuple[str | None, str]]]:
    process = subprocess.run(
        [sys.executable, "-S", "-c", APP_SERVER, settings.DELIVERY_DIR, json.dumps(USERS), json.dumps(keys)],
        env={"PYTHONPATH": str(Path(settings.BASE_DIR) / "sdk"), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
        text=True,
    )
    answers: dict[str, dict[str, Any]] = json.loads(process.stdout)
    return {
        key: {name: (found[0], found[1]) for name, found in each.items()} for key, each in answers.items()
    }


GREEN, NOBODY = ("green", "SPLIT"), (None, "REJECTED")
NOT_MET, UNKNOWN, FORCED = (None, "CONDITIONS_NOT_MET"), (None, "UNKNOWN_TEST"), ("control", "FORCED")
WON = ("green", "WINNER")
EXPECTED = {
    "draft": {"paying": UNKNOWN, "other": UNKNOWN, "test_user": UNKNOWN, "forced": UNKNOWN},
    "withdrawn": {"paying": UNKNOWN, "other": UNKNOWN, "test_user": UNKNOWN, "forced": UNKNOWN},
    "dev": {
        "paying": (None, "NOT_A_TEST_USER"),
        "other": (None, "NOT_A_TEST_USER"),
        "test_user": GREEN,
        "forced": FORCED,
    },
    "running": {"paying": GREEN, "other": NOT_MET, "test_user": GREEN, "forced": FORCED},
    "over": {
        "paying": (None, "OUTSIDE_DATES"),
        "other": (None, "OUTSIDE_DATES"),
        "test_user": (None, "OUTSIDE_DATES"),
        "forced": FORCED,
    },
    "paused": {
        "paying": (None, "PAUSED"),
        "other": (None, "PAUSED"),
        "test_user": (None, "PAUSED"),
        "forced": FORCED,
    },
    "won_everywhere": {"paying": WON, "other": WON, "test_user": WON, "forced": WON},
    "won_conditions": {"paying": WON, "other": NOT_MET, "test_user": WON, "forced": NOT_MET},
    "rejected": {"paying": NOBODY, "other": NOBODY, "test_user": NOBODY, "forced": NOBODY},
}


@pytest.fixture
def tests_in_every_status(warehouse: object, manager: Actor) -> None:
    def make(key: str, status: Status, **options: Any) -> None:
        conditions = {"conditions": PAYING, "variants": ALL_GREEN}
        experiment = make_experiment(
            manager, Status.DEV, key=key, **(conditions | options.pop("settings", {}))
        )
        force_user(manager, experiment, "control", "production", user_id="4")
        if status == Status.DRAFT:
            apply_verb(manager, experiment, Verb.WITHDRAW)
        if status in {Status.RUNNING, Status.PAUSED, Status.FINISHED}:
            apply_verb(manager, experiment, Verb.START)
        if status == Status.PAUSED:
            apply_verb(manager, experiment, Verb.PAUSE)
        if status == Status.FINISHED:
            apply_verb(manager, experiment, Verb.FINISH, options["ending"])

    winner = {"result": "winner", "variant": "green"}
    make_experiment(manager, Status.DRAFT, key="draft")
    make("withdrawn", Status.DRAFT)
    make("dev", Status.DEV)
    make("running", Status.RUNNING)
    make("over", Status.RUNNING, settings={"starts_at": "2020-01-01", "ends_at": "2020-02-01"})
    make("paused", Status.PAUSED)
    make("won_everywhere", Status.FINISHED, ending=winner | {"scope": "everywhere"})
    make("won_conditions", Status.FINISHED, ending=winner | {"scope": "conditions"})
    make("rejected", Status.FINISHED, ending={"result": "rejected"})


def test_an_app_server_decides_from_the_folder_alone(tests_in_every_status: None) -> None:
    report = deliver()
    assert report.refused == {}
    assert ask_app_server(list(EXPECTED)) == EXPECTED
