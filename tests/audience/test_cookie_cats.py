"""A real user base: 90,189 players of Cookie Cats, or as many made up in the same shape where the file is not at hand."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.actors import Actor
from audience.catalogue import load_catalogue
from audience.conditions import parse_conditions
from audience.services import create_filter
from audience.warehouse import get_warehouse
from core import clock

REAL = Path(settings.BASE_DIR).parent / "shared" / "data" / "cookie_cats.csv.gz"
PLAYERS = 90_189


@pytest.fixture(scope="session")
def players(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if REAL.exists():
        return REAL
    source = random.Random(90_189)
    path = tmp_path_factory.mktemp("cats") / "cookie_cats.csv.gz"
    with gzip.open(path, "wt", encoding="ascii", newline="") as file:
        file.write("userid,version,sum_gamerounds,retention_1,retention_7\r\n")
        for number in range(PLAYERS):
            rounds, stayed = int(source.expovariate(1 / 50)), source.random() < 0.44
            gate = source.choice(("gate_30", "gate_40"))
            file.write(f"{100 + number},{gate},{rounds},{str(stayed).upper()},FALSE\r\n")
    return path


def imported(path: Path) -> str:
    out = io.StringIO()
    call_command("import_users", str(path), "--id", "userid", stdout=out)
    return out.getvalue()


def count(*conditions: object) -> int:
    tree = parse_conditions(list(conditions), load_catalogue())
    return int(get_warehouse().count_table(tree, [], clock.now()).users.sum())


def test_without_filters_of_their_names_the_columns_are_ignored_and_named(db: None, players: Path) -> None:
    report = imported(players)
    assert "ignored:   version, sum_gamerounds, retention_1, retention_7" in report
    assert f"added:     {PLAYERS}" in report
    assert count() == PLAYERS


def test_with_filters_the_players_can_be_counted(db: None, players: Path) -> None:
    installer = Actor.machine("installation")
    create_filter(installer, name="retention_1", label="Came back", type="boolean")
    create_filter(installer, name="sum_gamerounds", label="Rounds", type="integer")
    create_filter(installer, name="gate", label="Gate", type="string", column="version")
    report = imported(players)
    assert "rejected:  0" in report
    assert "ignored:   version, retention_7" in report
    came_back = count({"filter": "retention_1", "operator": "eq", "value": "yes"})
    stayed_away = count({"filter": "retention_1", "operator": "eq", "value": "no"})
    assert came_back + stayed_away == PLAYERS
    assert 0.4 < came_back / PLAYERS < 0.5
    assert 0 < count({"filter": "sum_gamerounds", "operator": "gte", "value": 100}) < PLAYERS / 2
    assert f"added:     0\nchanged:   0\nunchanged: {PLAYERS}\n" in imported(players)
