"""The users in a test: those whom the SDK gives a variant, each once, from wherever a walk stopped."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import signing

from accounts.actors import Actor
from audience.loading import load_users
from audience.warehouse import Warehouse
from core import clock
from core.errors import Conflict, InvalidInput
from delivery.services import deliver
from experiments.lifecycle import Status
from experiments.members import Member, users_in
from experiments.models import Experiment, Kind
from tests.factories import add_prepared, make_draft, make_experiment
from usersplit_sdk import Client, User

CONDITIONS: list[Any] = [
    {"filter": "country_id", "operator": "in", "value": [276, 40, 840]},
    "AND",
    [
        {"filter": "age", "operator": "between", "value": [18, 40]},
        "OR",
        {"filter": "app_version", "operator": "version_gte", "value": "1.10"},
    ],
    "AND",
    {"filter": "registered_at", "operator": "older_than_days", "value": 30},
]
WIDE = [{"name": "control", "percent": "20", "is_control": True}, {"name": "green", "percent": "12.5"}]


@pytest.fixture(autouse=True)
def _one_hour() -> Iterator[None]:
    """Counts and walks are of the same full hour, also when the clock strikes meanwhile."""
    with clock.frozen_at(clock.now()):
        yield


@pytest.fixture
def experiment(manager: Actor, warehouse: Warehouse) -> Experiment:
    return make_experiment(manager, Status.RUNNING, key="button", conditions=CONDITIONS, variants=WIDE)


def test_they_are_those_to_whom_the_sdk_gives_a_variant_user_by_user(
    experiment: Experiment, warehouse: Warehouse
) -> None:
    walk = users_in(experiment)
    walked = {member.id: member.variant for member in walk}
    deliver()
    with Client.from_directory(settings.DELIVERY_DIR, environment="production") as client:
        decided = {}
        for record in warehouse.iterate_users([], walk.at):
            user = User(id=record.id, split_group=record.split_group, attributes=dict(record.attributes))
            variant = client.explain("button", user, None, now=walk.at).variant
            if variant is not None:
                decided[record.id] = variant
    assert walked == decided
    assert len(walked) > 1_000
    assert set(walked.values()) == {"control", "green"}


def test_they_are_as_many_as_were_counted(experiment: Experiment) -> None:
    current = experiment.current
    assert current is not None
    count = current.counts.latest("pk")
    owners = current.drawn.owners
    for position, name in enumerate(("control", "green"), start=1):
        members = list(users_in(experiment, name))
        assert {member.variant for member in members} == {name}
        assert len(members) == sum(
            users for users, owner in zip(count.users, owners, strict=True) if owner == position
        )
    everybody = list(users_in(experiment, among="conditions"))
    assert len(everybody) == sum(count.users)
    assert {member.variant for member in everybody} == {"control", "green", None}
    assert [member for member in everybody if member.variant] == list(users_in(experiment))


@pytest.mark.parametrize("variant", [None, "green"])
def test_a_walk_goes_on_exactly_from_any_user(experiment: Experiment, variant: str | None) -> None:
    whole = list(users_in(experiment, variant))
    walk = users_in(experiment, variant)
    for stop in [0, len(whole) - 1, *random.Random(11).sample(range(len(whole)), 4)]:
        rest = users_in(experiment, variant, walk.cursor_after(whole[stop]))
        assert whole[: stop + 1] + list(rest) == whole
        assert not rest.loaded_meanwhile


def test_a_walk_keeps_the_settings_and_the_moment_it_began_with(
    experiment: Experiment, manager: Actor
) -> None:
    whole = list(users_in(experiment))
    begun = users_in(experiment)
    cursor = begun.cursor_after(whole[99])
    newer = add_prepared(manager, experiment, conditions=[], variants=[{"name": "blue", "percent": "1"}])
    Experiment.objects.filter(pk=experiment.pk).update(current=newer)
    experiment = Experiment.objects.get(pk=experiment.pk)
    assert {member.variant for member in users_in(experiment)} == {"blue"}
    later = users_in(experiment, after=cursor)
    assert (later.settings_group.number, later.at) == (1, begun.at)
    assert list(later) == whole[100:]


def test_a_load_disturbs_no_walk_and_is_told_to_one_that_goes_on(manager: Actor, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("id,split_group\n" + "".join(f"u{n:04},{1 + n}\n" for n in range(2_400)))
    load_users(file)
    experiment = make_experiment(
        manager, key="button", variants=[{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]
    )
    walk = users_in(experiment)
    members = iter(walk)
    first = list(islice(members, 1_000))
    file.write_text("id,split_group\nnew_before,2\nnew_behind,2399\n")
    load_users(file)
    assert [member.id for member in [*first, *members]] == [f"u{n:04}" for n in range(2_400)]
    resumed = users_in(experiment, after=walk.cursor_after(first[-1]))
    assert resumed.loaded_meanwhile
    seen = [member.id for member in [*first, *resumed]]
    assert len(set(seen)) == len(seen) == 2_401
    assert "new_behind" in seen
    # Also to the pages after that one: the walk as a whole is of two loads.
    assert users_in(experiment, after=resumed.cursor_after(first[-1])).loaded_meanwhile


def test_everybody_in_a_user_group(manager: Actor, warehouse: Warehouse) -> None:
    group = make_experiment(manager, kind=Kind.GROUP, key="grown_up", conditions=CONDITIONS[:1])
    members = list(users_in(group))
    assert {member.variant for member in members} == {None}
    walk = users_in(group)
    assert len(members) == warehouse.count_table(walk.settings_group.conditions, [], walk.at).users.sum()
    with pytest.raises(InvalidInput, match="no variants"):
        users_in(group, "green")


def test_what_the_warehouse_does_not_have_is_named(manager: Actor, warehouse: Warehouse) -> None:
    conditions = [{"filter": "user_agent", "operator": "contains", "value": "Bot"}, "AND", CONDITIONS[0]]
    walk = users_in(make_experiment(manager, key="button", conditions=conditions))
    assert walk.not_counted == ("user_agent",)
    assert len(list(walk)) > 0


def test_what_cannot_be_walked_is_refused_by_name(manager: Actor, experiment: Experiment) -> None:
    with pytest.raises(Conflict, match="no prepared settings"):
        users_in(make_draft(manager))
    with pytest.raises(InvalidInput, match=r"^variant: .* have control, green"):
        users_in(experiment, "blue")
    begun = users_in(experiment, "green")
    cursor = begun.cursor_after(Member("1", 1, "green"))
    other = make_experiment(manager, key="other")
    attempts: list[tuple[Experiment, str | None, str, str]] = [
        (experiment, "control", cursor, "variants"),
        (experiment, None, cursor, "variants"),
        (experiment, "green", cursor, "conditions"),
        (other, "green", cursor, "variants"),
        (experiment, "green", signing.dumps(["a", 1], salt="experiments.members"), "variants"),
        (experiment, "green", signing.dumps(["a", 1], salt="another"), "variants"),
    ]
    for walked, variant, wrong, among in attempts:
        with pytest.raises(InvalidInput, match=r"^cursor: "):
            users_in(walked, variant, wrong, among=among)
