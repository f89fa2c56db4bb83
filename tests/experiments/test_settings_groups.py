"""Numbered, immutable settings: when they take effect and when they don't."""

from __future__ import annotations

import pytest

from accounts.actors import Actor
from changelog.models import Entry
from core.errors import Conflict
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.services import (
    add_settings_group,
    apply_verb,
    attach_settings_group,
    copy_settings_group,
    prepare_settings_group,
)
from experiments.split_groups import owned_by
from tests.factories import TWO_VARIANTS, add_prepared, add_settings, make_draft, make_experiment

WIDER: list[dict[str, object]] = [
    {"name": "control", "percent": "10", "is_control": True},
    {"name": "green", "percent": "10"},
]


def current_number(experiment: Experiment) -> int | None:
    current = Experiment.objects.get(pk=experiment.pk).current
    return current.number if current else None


def test_new_settings_change_nothing_until_they_are_prepared(manager: Actor) -> None:
    experiment = make_draft(manager)
    settings_group = add_settings(manager, experiment)
    assert current_number(experiment) is None
    prepare_settings_group(settings_group.pk)
    assert current_number(experiment) == 1


@pytest.mark.parametrize("status", [Status.DRAFT, Status.DEV])
def test_before_the_start_prepared_settings_become_current_by_themselves(
    manager: Actor, status: Status
) -> None:
    experiment = make_experiment(manager, status)
    add_prepared(manager, experiment, variants=WIDER)
    assert current_number(experiment) == 2


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED])
def test_after_the_start_the_manager_attaches_them(manager: Actor, status: Status) -> None:
    experiment = make_experiment(manager, status)
    add_prepared(manager, experiment, variants=WIDER)
    assert current_number(experiment) == 1
    attach_settings_group(manager, experiment, 2)
    assert current_number(experiment) == 2


def test_settings_that_are_ready_late_do_not_replace_newer_ones(manager: Actor) -> None:
    experiment = make_draft(manager)
    slow, quick = add_settings(manager, experiment), add_settings(manager, experiment)
    prepare_settings_group(quick.pk)
    prepare_settings_group(slow.pk)
    assert current_number(experiment) == quick.number == 2


def test_unprepared_older_and_finished_cannot_be_attached(manager: Actor) -> None:
    experiment = make_experiment(manager, Status.DEV)
    waiting = add_settings(manager, experiment)
    with pytest.raises(Conflict, match="not prepared"):
        attach_settings_group(manager, experiment, waiting.number)
    prepare_settings_group(waiting.pk)
    with pytest.raises(Conflict, match="older"):
        attach_settings_group(manager, experiment, 1)
    running = make_experiment(manager, Status.RUNNING)
    newer = add_prepared(manager, running)
    apply_verb(manager, running, Verb.FINISH, {"result": "rejected"})
    with pytest.raises(Conflict, match="finished"):
        attach_settings_group(manager, running, newer.number)
    with pytest.raises(Conflict, match="finished"):
        add_settings_group(manager, running, {"variants": TWO_VARIANTS})


def test_older_settings_come_back_under_a_new_number_with_the_same_users(manager: Actor) -> None:
    experiment = make_experiment(manager, Status.DEV)
    first = SettingsGroup.objects.get(experiment=experiment, number=1)
    add_prepared(manager, experiment, variants=[{"name": "red", "percent": "50"}])
    copy = copy_settings_group(manager, experiment, 1)
    prepare_settings_group(copy.pk)
    assert (copy.number, current_number(experiment)) == (3, 3)
    assert [(v.name, v.percent, v.is_control, v.payload) for v in copy.variants.all()] == [
        (v.name, v.percent, v.is_control, v.payload) for v in first.variants.all()
    ]
    assert copy.drawn.owners == first.drawn.owners


def test_growing_a_test_leaves_every_user_in_their_variant(manager: Actor) -> None:
    experiment = make_experiment(manager, Status.RUNNING)
    before = SettingsGroup.objects.get(experiment=experiment, number=1).drawn.owners
    after = add_prepared(manager, experiment, variants=WIDER).drawn.owners
    for position in (1, 2):
        assert len(owned_by(after, position)) == 240
        assert set(owned_by(before, position)) <= set(owned_by(after, position))


def test_a_start_needs_split_groups_and_publishing_needs_settings(manager: Actor) -> None:
    bare = make_draft(manager)
    with pytest.raises(Conflict, match="no prepared settings"):
        apply_verb(manager, bare, Verb.PUBLISH)
    empty = make_experiment(
        manager, Status.DEV, variants=[{"name": "control", "percent": "0", "is_control": True}]
    )
    with pytest.raises(Conflict, match="own no split group"):
        apply_verb(manager, empty, Verb.START)


def test_a_control_of_0_percent_is_allowed(manager: Actor) -> None:
    variants = [{"name": "control", "percent": 0, "is_control": True}, {"name": "green", "percent": 5}]
    assert make_experiment(manager, Status.RUNNING, variants=variants).status == Status.RUNNING


def test_a_total_is_dealt_evenly(manager: Actor) -> None:
    experiment = make_draft(manager)
    names = [{"name": name} for name in ("a", "b", "c")]
    settings_group = add_settings_group(manager, experiment, {"total_percent": "50", "variants": names})
    assert [variant.split_group_count for variant in settings_group.variants.all()] == [400, 400, 400]


def test_the_changelog_tells_conditions_and_percents_in_words(manager: Actor) -> None:
    experiment = make_draft(manager)
    condition = {"filter": "is_test_user", "operator": "eq", "value": "Yes"}
    add_settings(manager, experiment, conditions=[condition], message="only ourselves")
    entry = Entry.objects.filter(verb="add_settings_group").get()
    changes = {change["field"]: change["after"] for change in entry.changes}
    assert changes["variants"] == "control 5 % (control), green 5 %"
    assert "test user" in changes["conditions"].lower()
    assert "only ourselves" in entry.message


def test_a_user_group_shares_the_machinery_without_variants(manager: Actor) -> None:
    group = make_experiment(manager, Status.RUNNING, Kind.GROUP)
    assert group.current is not None
    assert not group.current.variants.exists()
    assert not hasattr(group.current, "drawn")
