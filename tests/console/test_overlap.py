"""The overlap map: who shares how many users with whom, drawn, listed, and variant by variant."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import User
from console.overlap_map import Node, OverlapMap, overlap_map
from core import clock
from experiments.audience_report import audience_report
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.conftest import People
from tests.factories import make_experiment

WIDE: list[dict[str, object]] = [{"name": "a", "percent": "60"}, {"name": "b", "percent": "30"}]


def _get(person: User, path: str = "", **headers: str) -> Any:
    browser = Client()
    browser.force_login(person)
    return browser.get(f"/overlap/{path}", headers=headers)


def _drawn(*rows: list[int], users: int = 1000) -> OverlapMap:
    table = np.array(rows, dtype=np.int64)
    nodes = [
        Node(place, place, f"test_{place}", f"Test {place}", "", "running", users)
        for place in range(len(rows))
    ]
    return OverlapMap(nodes, np.maximum(table, table.T), 0, 0)


def test_the_map_says_what_the_audience_of_the_test_says(people: People, warehouse: Any) -> None:
    mia = Actor.person(people.manager)
    first = make_experiment(mia, Status.RUNNING, key="first", variants=WIDE, properties={"area": "shop"})
    second = make_experiment(mia, Status.DEV, key="second", variants=WIDE, properties={"area": "shop"})
    assert second.current is not None
    report = audience_report(second.current)
    assert report is not None
    (shared,) = report.intersections
    found = overlap_map(mia)
    (pair,), more = found.largest()
    assert {pair.first.key, pair.second.key} == {first.key, "second"}
    assert (pair.users, more, pair.same_area) == (shared.users, 0, True)
    assert pair.users > 0
    share = pair.share_of_first if pair.first.key == "second" else pair.share_of_second
    assert share == pytest.approx(shared.share, abs=0.0001)
    page = _get(people.manager).content.decode()
    numbers = json.loads(re.findall(r'id="overlap-numbers"[^>]*>(.*?)</script>', page)[0])
    assert numbers["rows"] == [[], [shared.users]]
    assert "same area: shop" in page


def test_cells_are_drawn_once_beside_each_other_as_one_line_by_level() -> None:
    drawn = _drawn([0, 0, 0, 0], [5, 0, 0, 0], [5, 5, 0, 0], [5, 0, 700, 0])
    assert drawn.paths() == [(0, "M0 1.5h1M0 2.5h2M0 3.5h1"), (5, "M2 3.5h1")]
    assert drawn.same_area_path() == ""


def test_the_largest_pairs_come_first_and_can_be_asked_for_by_name() -> None:
    drawn = _drawn([0, 0, 0], [7, 0, 0], [90, 8, 0])
    names = [(pair.first.key, pair.second.key, pair.users) for pair in drawn.largest()[0]]
    assert names == [("test_2", "test_0", 90), ("test_2", "test_1", 8), ("test_1", "test_0", 7)]
    assert [pair.users for pair in drawn.largest("TEST_1")[0]] == [8, 7]
    assert drawn.largest("nothing") == ([], 0)


def test_an_empty_map_is_a_sentence(people: People) -> None:
    assert overlap_map(Actor.person(people.viewer)).paths() == []
    assert b"There is nothing to compare" in _get(people.viewer).content


def test_drafts_of_others_are_not_in_the_map(people: People, warehouse: Any) -> None:
    mia, other = Actor.person(people.manager), Actor.person(people.other_manager)
    make_experiment(mia, Status.RUNNING, key="known", variants=WIDE)
    make_experiment(other, Status.DRAFT, key="secret_idea", variants=WIDE)
    assert [one.key for one in overlap_map(mia).tests] == ["known"]
    assert len(overlap_map(other).tests) == 2
    assert b"secret_idea" not in _get(people.viewer).content
    assert _get(people.manager, "known/secret_idea/").status_code == 404
    assert _get(people.other_manager, "known/secret_idea/").status_code == 200


def test_areas_and_statuses_narrow_the_map(people: People, warehouse: Any) -> None:
    mia = Actor.person(people.manager)
    for key, status, area in (
        ("a", Status.RUNNING, "shop"),
        ("b", Status.DEV, "shop"),
        ("c", Status.PAUSED, ""),
    ):
        make_experiment(mia, status, key=f"test_{key}", properties={"area": area})
    assert [one.key for one in _get(people.manager, "?area=shop").context["map"].tests] == [
        "test_a",
        "test_b",
    ]
    assert [one.key for one in _get(people.manager, "?show=running").context["map"].tests] == [
        "test_a",
        "test_c",
    ]
    part = _get(people.manager, "?q=%00", **{"HX-Request": "true", "HX-Target": "overlap"})
    assert part.status_code == 200
    assert b"<html" not in part.content


def test_two_tests_beside_each_other_variant_by_variant(people: People, warehouse: Any) -> None:
    mia = Actor.person(people.manager)
    make_experiment(mia, Status.RUNNING, key="first", variants=WIDE)
    second = make_experiment(mia, Status.RUNNING, key="second", variants=WIDE)
    report = _get(people.viewer, "first/second/").context["report"]
    assert report.theirs.experiment.key == "first"
    assert second.current is not None
    expected = audience_report(second.current)
    assert expected is not None
    (shared,) = expected.intersections
    assert report.users == shared.users
    cells = {
        (mine, theirs): cell.users
        for mine, row, _ in report.table.rows
        for theirs, cell in zip(report.table.columns, row, strict=True)
    }
    assert cells == {
        (mine, theirs): sum(
            pair.users for pair in shared.variants if (pair.mine, pair.theirs) == (mine, theirs)
        )
        for mine in ("a", "b")
        for theirs in ("a", "b")
    }


def test_why_there_are_no_numbers_is_said(people: People, warehouse: Any) -> None:
    mia = Actor.person(people.manager)
    now = clock.now()
    make_experiment(mia, Status.RUNNING, key="now", ends_at=(now + dt.timedelta(days=5)).isoformat())
    make_experiment(mia, Status.DEV, key="later", starts_at=(now + dt.timedelta(days=50)).isoformat())
    Experiment.objects.filter(key="later").update(area="shop")
    assert b"Their dates do not meet" in _get(people.viewer, "now/later/").content
    assert b"one and the same test" in _get(people.viewer, "now/now/").content
    assert _get(people.viewer, "now/nothing/").status_code == 404


def test_more_tests_are_no_more_queries(people: People, warehouse: Any) -> None:
    mia = Actor.person(people.manager)

    def queries() -> int:
        _get(people.manager)
        with CaptureQueriesContext(connection) as asked:
            _get(people.manager)
        return len(asked)

    make_experiment(mia, Status.RUNNING)
    few = queries()
    for _ in range(3):
        make_experiment(mia, Status.RUNNING)
    assert queries() == few
