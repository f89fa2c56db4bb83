"""The whole way on 90,189 real players: imported, a test on them prepared, published, started, delivered, decided elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts.actors import Actor
from audience.services import create_filter
from audience.warehouse import get_warehouse
from core import clock
from delivery.services import deliver
from experiments.audience_report import audience_report
from experiments.lifecycle import Status
from experiments.models import Draw
from tests.audience.test_cookie_cats import players  # noqa: F401 - a fixture
from tests.conftest import People
from tests.factories import make_experiment

# An application server knows the SDK and the folder, nothing else of the product.
APP_SERVER = """
import json, sys
from usersplit_sdk import Client, User
folder, users = sys.argv[1], json.load(sys.stdin)
with Client.from_directory(folder, environment="production") as client:
    found = [client.explain("gate_position", User(id=i, split_group=g, attributes=a)) for i, g, a in users]
print(json.dumps([[one.variant, one.reason] for one in found]))
"""

PLAYS: list[object] = [
    {"filter": "sum_gamerounds", "operator": "gte", "value": "30"},
    "AND",
    {"filter": "retention_1", "operator": "eq", "value": "TRUE"},
]
GATES: list[dict[str, object]] = [
    {"name": "gate_30", "percent": "5", "is_control": True},
    {"name": "gate_40", "percent": "5"},
]


@pytest.mark.django_db
def test_real_players_get_the_variants_of_their_split_groups(
    people: People,
    settings: Settings,
    players: Path,  # noqa: F811
) -> None:
    superuser = Actor.person(people.superuser)
    create_filter(superuser, name="retention_1", label="Came back after a day", type="boolean")
    create_filter(superuser, name="sum_gamerounds", label="Rounds played", type="integer")
    call_command("import_users", str(players), "--id", "userid", verbosity=0)

    manager = Actor.person(people.manager)
    experiment = make_experiment(
        manager, Status.RUNNING, key="gate_position", conditions=PLAYS, variants=GATES
    )
    deliver()

    everybody = list(get_warehouse().iterate_users([], clock.now()))
    asked: list[tuple[str, int, dict[str, Any]]] = [
        (user.id, user.split_group, dict(user.attributes)) for user in everybody
    ]
    answer = subprocess.run(
        [sys.executable, "-c", APP_SERVER, str(settings.DELIVERY_DIR)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    decisions = json.loads(answer.stdout)

    assert experiment.current is not None
    owners = Draw.objects.get(settings_group=experiment.current).owners
    served = dict.fromkeys(("gate_30", "gate_40"), 0)
    for (_, split_group, attributes), (variant, reason) in zip(asked, decisions, strict=True):
        matches = attributes["sum_gamerounds"] >= 30 and attributes["retention_1"] is True
        expected = (None, "gate_30", "gate_40")[owners[split_group - 1]] if matches else None
        assert variant == expected
        if variant:
            served[variant] += 1
        assert reason == (
            "SPLIT" if variant else "SPLIT_GROUP_NOT_IN_TEST" if matches else "CONDITIONS_NOT_MET"
        )
    report = audience_report(experiment.current)
    assert report is not None
    assert {variant.name: variant.users for variant in report.variants} == served
    assert all(served.values())
