"""The benchmarks of counting run, at sizes that say nothing about speed; what they count is compared with a scan."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from django.conf import LazySettings

from audience.warehouse.base import CountTable
from audience.warehouse.slots import Slots
from bench import audience, growth, many_users

USERS = 4_000


@pytest.fixture(autouse=True)
def apart(settings: LazySettings, tmp_path: Path) -> None:
    """What is generated goes away with the test."""
    settings.VAR_DIR = tmp_path


def test_counting_is_timed_in_every_form_and_held_against_what_was_asked() -> None:
    text = audience.run(sizes=(USERS,), tests=5, rounds=1)
    for row in (
        audience.SCAN,
        audience.ALONE,
        audience.KEPT,
        audience.UNCACHED,
        audience.REBUILT,
        audience.LIVE,
    ):
        assert f"\n  {row:<62} " in text, row
    for target in ("≤ 6 F", "≤ 2.5 F", "≤ 25 F", "≤ 30 F", "≤ 1.1 bit", "≤ 1024 MiB"):
        assert f"asked {target}" in text, target


def test_nothing_is_timed_that_counts_otherwise_than_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Slots.per_group
    monkeypatch.setattr(Slots, "per_group", lambda self, bits: right(self, bits) + 1)
    with pytest.raises(SystemExit, match="nothing was timed"):
        audience.run(sizes=(USERS,), tests=5, rounds=1)


def test_growth_is_a_table_exponents_and_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "growth.svg"
    text = growth.run(users=(USERS // 2, USERS), tests=(2, 4), rounds=1, picture=picture)
    assert [line.split()[:2] for line in text.splitlines()[2:6]] == [
        ["2,000", "2"], ["2,000", "4"], ["4,000", "2"], ["4,000", "4"],
    ]  # fmt: skip
    assert text.count("exponent of users") == text.count("exponent of tests") == 3
    names = {element.text for element in ET.parse(picture).iter() if element.text}
    assert {"An audience's whole table", "4 tests, kept", "2 tests, nothing kept"} <= names


def test_generated_users_are_kept_and_are_those_of_a_load() -> None:
    warehouse = many_users.warehouse_of(USERS)
    version = warehouse.version()
    assert many_users.warehouse_of(USERS).version() == version
    table: CountTable = warehouse.count_table([], many_users.conditions_of(20), audience.NOW)
    assert table.users.sum() == USERS
    assert np.unique(table.shared.sum(axis=1)).size > 10
    walked = next(iter(warehouse.iterate_users([], audience.NOW)))
    found = warehouse.user(walked.id)
    assert found == walked
