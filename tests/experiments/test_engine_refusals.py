"""Conditions that the engine of this installation cannot answer."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import Actor
from audience.dialects import NotInThisDialect
from audience.warehouse import Warehouse
from experiments import tasks
from experiments.audience_report import audience_report
from experiments.lifecycle import Status
from experiments.models import Preparation, PreparationState
from tests.factories import add_prepared, add_settings, make_draft, make_experiment

PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": True}]
NOT_PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": False}]


def test_conditions_that_the_engine_cannot_answer_stop_their_own_test_only(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = make_experiment(manager, Status.RUNNING, key="refused", conditions=PAYING)
    make_experiment(manager, Status.RUNNING, key="fine", conditions=NOT_PAYING)
    count_table = warehouse.count_table

    def choosy(conditions: Any, others: Any, *args: Any, **options: Any) -> object:
        if any(tree and tree[0]["value"] is True for tree in (conditions, *others)):
            raise NotInThisDialect("is_paying eq: it knows no money")
        return count_table(conditions, others, *args, **options)

    monkeypatch.setattr(warehouse, "count_table", choosy)
    report = audience_report(
        add_prepared(manager, make_draft(manager), variants=[{"name": "a", "percent": "100"}])
    )
    assert report is not None
    bounds = {one.experiment.key: one.not_counted for one in report.intersections}
    assert bounds == {"refused": ["is_paying"], "fine": []}
    own = add_settings(manager, refused, conditions=PAYING)
    tasks.prepare(own.pk)
    preparation = Preparation.objects.get(settings_group=own)
    assert preparation.state == PreparationState.FAILED
    assert preparation.error == "The users could not be counted: is_paying eq: it knows no money."
