"""What settings would give, before they are confirmed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from audience.warehouse import Warehouse
from changelog.models import Entry
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from experiments.audience_report import audience_report
from experiments.lifecycle import Status
from experiments.models import AudienceCount, Draw, Kind, Preparation, SettingsGroup
from experiments.services import attach_settings_group, prepare_settings_group
from experiments.what_if import ObjectiveOutcome, WhatIf, what_if
from tests.conftest import People
from tests.factories import add_prepared, add_settings, make_draft, make_experiment

HALF: list[dict[str, object]] = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]
MOST: list[dict[str, object]] = [{"name": "x", "percent": "45"}, {"name": "y", "percent": "45"}]
PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": True}]


def outcome(shown: WhatIf, objective: str) -> ObjectiveOutcome:
    return next(one for one in shown.objectives if one.objective == objective)


@pytest.mark.parametrize("objective", ["fewest_shared_users", "smallest_worst_pair", "random", "exclusive"])
def test_confirmed_with_its_seed_the_draw_is_the_one_that_was_shown(
    manager: Actor, warehouse: Warehouse, objective: str
) -> None:
    for key, variants in {"crowd": HALF, "crowd_too": HALF, "third": HALF}.items():
        make_experiment(manager, Status.RUNNING, key=key, variants=variants)
    settings: dict[str, Any] = {"conditions": PAYING, "variants": HALF, "draw": objective}
    if objective == "exclusive":
        settings["exclusive_with"] = ["crowd"]
    experiment = make_draft(manager)
    shown = what_if(manager, experiment, settings)
    settings_group = add_prepared(manager, experiment, **settings, seed=shown.seed)
    drawn = Draw.objects.get(settings_group=settings_group)
    promised = outcome(shown, objective)
    assert promised.owners is not None
    assert drawn.seed == shown.seed
    assert np.array_equal(drawn.owners, promised.owners)
    report = audience_report(settings_group)
    assert report is not None
    assert (report.users, report.intersections) == (shown.users, promised.intersections)
    assert [one.users for one in report.variants] == [one.users for one in promised.variants]


def test_nothing_is_stored(manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING, variants=HALF)
    experiment = make_experiment(manager, Status.RUNNING, variants=HALF)
    tables = (AudienceCount, Draw, SettingsGroup, Entry)
    before = [table.objects.count() for table in tables]
    what_if(manager, experiment, {"variants": MOST})
    assert [table.objects.count() for table in tables] == before


def test_the_objectives_differ_in_what_they_share(manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING, key="crowd", variants=HALF, properties={"area": "pay page"})
    shown = what_if(manager, make_draft(manager, area="pay page"), {"variants": HALF})
    fewest, at_random = outcome(shown, "fewest_shared_users"), outcome(shown, "random")
    assert (fewest.users_in_other_tests, fewest.worst_pair, fewest.warnings) == (0, None, [])
    assert at_random.worst_pair is not None
    assert at_random.worst_pair.experiment is not None
    assert at_random.worst_pair.experiment.key == "crowd"
    [shared] = at_random.intersections
    assert shared.users == at_random.worst_pair.users == at_random.users_in_other_tests > 0
    assert sum(pair.users for pair in shared.variants) == shared.users
    [warning] = at_random.warnings
    assert warning.text.endswith("of your users are also in crowd, in the same area: both change “pay page”.")
    assert [one.objective for one in shown.objectives] == [
        "fewest_shared_users",
        "smallest_worst_pair",
        "random",
    ]


def test_what_cannot_be_had_says_why_and_when(manager: Actor, warehouse: Warehouse) -> None:
    make_experiment(manager, Status.RUNNING, key="crowd", variants=MOST, ends_at="2099-03-05T12:00:00Z")
    settings = {"variants": HALF, "draw": "exclusive", "exclusive_with": ["crowd"]}
    refused = outcome(what_if(manager, make_draft(manager), settings), "exclusive")
    assert not refused.possible
    assert refused.reason.startswith(
        "1,200 split groups (50 %) are needed, but only 240 (10 %) are free of crowd"
    )
    assert str(refused.free_from) == "2099-03-06"
    assert "from 2099-03-06 on" in refused.reason


def test_it_tells_who_would_move(manager: Actor, warehouse: Warehouse) -> None:
    experiment = make_experiment(manager, Status.RUNNING, variants=HALF)
    stays, moves = (
        outcome(what_if(manager, experiment, {"variants": variants}), "fewest_shared_users").moves
        for variants in (HALF, [{"name": "a", "percent": "25"}, {"name": "c", "percent": "75"}])
    )
    assert stays is not None
    assert (stays.change, stays.join, stays.leave) == (0, 0, 0)
    assert moves is not None
    assert [(change.from_variant, change.to_variant) for change in moves.changes] == [("b", "c")]
    assert moves.stay > 0
    later = add_prepared(manager, experiment, variants=[{"name": "a", "percent": "5"}])
    attach_settings_group(manager, experiment, later.number)
    report = audience_report(later)
    assert report is not None
    assert report.moves is not None
    assert report.moves.leave > report.moves.stay > 0


def test_the_control_gives_users_to_a_treatment_only_when_that_is_asked_for(
    manager: Actor, warehouse: Warehouse
) -> None:
    def shares(control: str, green: str) -> list[dict[str, object]]:
        return [
            {"name": "control", "percent": control, "is_control": True},
            {"name": "green", "percent": green},
        ]

    experiment = make_experiment(manager, Status.RUNNING, variants=shares("50", "50"))
    settings: dict[str, Any] = {"variants": shares("40", "60")}
    refused = outcome(what_if(manager, experiment, settings), "fewest_shared_users")
    assert not refused.possible
    assert "240 more split groups" in refused.reason
    settings_group = add_settings(manager, experiment, **settings)
    assert prepare_settings_group(settings_group.pk) is False
    assert Preparation.objects.get(settings_group=settings_group).error == refused.reason
    settings["allow_control_to_treatment"] = True
    moves = outcome(what_if(manager, experiment, settings), "fewest_shared_users").moves
    assert moves is not None
    [change] = moves.changes
    assert (change.from_variant, change.to_variant, change.split_groups) == ("control", "green", 240)


def test_a_draft_of_others_stays_anonymous(people: People, manager: Actor, warehouse: Warehouse) -> None:
    other = Actor.person(people.other_manager)
    make_experiment(other, Status.DRAFT, key="secret_idea", variants=MOST)
    shown = outcome(what_if(manager, make_draft(manager), {"variants": MOST}), "fewest_shared_users")
    assert shown.intersections == []
    assert shown.worst_pair is not None
    assert shown.worst_pair.experiment is None
    [hidden] = shown.hidden_intersections
    assert hidden.users == shown.worst_pair.users > 0
    assert any("a draft of other managers" in one.text for one in shown.warnings)
    assert "secret" not in str([one.text for one in shown.warnings])


def test_only_who_may_save_may_ask(people: People, manager: Actor, warehouse: Warehouse) -> None:
    experiment = make_experiment(manager, Status.DEV)
    with pytest.raises(NotAllowed):
        what_if(Actor.person(people.viewer), experiment, {"variants": HALF})
    with pytest.raises(NotFound):
        what_if(Actor.person(people.viewer), make_draft(manager), {"variants": HALF})
    with pytest.raises(InvalidInput):
        what_if(manager, experiment, {"variants": HALF, "seed": -1})
    with pytest.raises(Conflict):
        what_if(manager, make_experiment(manager, Status.FINISHED), {"variants": HALF})


def test_of_a_user_group_only_the_audience_is_counted(manager: Actor, warehouse: Warehouse) -> None:
    shown = what_if(manager, make_draft(manager, kind=Kind.GROUP), {"conditions": PAYING})
    assert 0 < shown.users < warehouse.user_count()
    assert shown.objectives == []


def test_the_number_of_queries_does_not_grow_with_the_other_tests(
    manager: Actor, warehouse: Warehouse
) -> None:
    experiment = make_draft(manager)
    asked: list[int] = []
    for others in (1, 6):
        for _ in range(others):
            make_experiment(manager, Status.RUNNING, variants=HALF)
        with CaptureQueriesContext(connection) as queries:
            what_if(manager, experiment, {"variants": MOST})
        asked.append(len(queries))
    assert asked[0] == asked[1] < 25
