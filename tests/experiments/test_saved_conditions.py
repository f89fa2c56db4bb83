"""User groups as saved conditions: copied into brackets, recognised there, renewed, and where each is used."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind, SettingsGroup
from tests.conftest import People
from tests.factories import add_prepared, make_draft, make_experiment

NEW = "/tests/green_button/settings/new/"
YOUNG: list[Any] = [{"filter": "age", "operator": "lt", "value": 30}]
YOUNGER: list[Any] = [{"filter": "age", "operator": "lt", "value": 25}]
TYPED = {
    "based_on": "0",
    "conditions_as": "rows",
    "c.0.filter": "is_test_user",
    "c.0.operator": "eq",
    "c.0.value": "true",
    "v.0.name": "green",
    "v.0.percent": "5",
    "split_by": "each",
    "draw": "fewest_shared_users",
}
# The group's condition as a form sends it, in the second item's brackets.
COPIED = {"c.1.bracket": "1", "c.1.0.filter": "age", "c.1.0.operator": "lt", "c.1.0.value": "30"}


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def young(mia: Actor, warehouse: Any) -> Experiment:
    make_draft(mia, key="green_button")
    return make_experiment(mia, Status.RUNNING, kind=Kind.GROUP, key="young", conditions=YOUNG)


def _renewed(mia: Actor, young: Experiment) -> None:
    newer = add_prepared(mia, young, conditions=YOUNGER)
    Experiment.objects.filter(pk=young.pk).update(current=newer)


def test_a_groups_conditions_are_added_in_brackets_and_recognised(young: Experiment, client: Client) -> None:
    page = client.post(NEW, TYPED | {"op": "insert_group", "saved_group": "young"}).content.decode()
    assert 'name="c.1.0.filter"' in " ".join(page.split())
    assert f"The conditions of the user group “{young.name}”" in page
    client.post(NEW, TYPED | COPIED)
    assert SettingsGroup.objects.get(experiment__key="green_button").conditions[2] == [
        {"filter": "age", "source": "user", "operator": "lt", "value": 30}
    ]


def test_a_copy_is_recognised_whatever_the_order_of_its_values(
    mia: Actor, young: Experiment, client: Client
) -> None:
    here: list[Any] = [{"filter": "country_id", "operator": "in", "value": [276, 250, 40]}]
    group = make_experiment(mia, Status.RUNNING, kind=Kind.GROUP, key="here", conditions=here)
    # As the form sends them, which shows countries by name.
    fields = {"c.1.bracket": "1", "c.1.0.filter": "country_id", "c.1.0.operator": "in"}
    values = {"c.1.0.value": ["40", "250", "276"]}
    page = client.post(NEW, TYPED | fields | values | {"op": "refresh"}).content.decode()
    assert f"The conditions of the user group “{group.name}”" in page


def test_older_conditions_are_recognised_and_renewed(mia: Actor, young: Experiment, client: Client) -> None:
    _renewed(mia, young)
    page = client.post(NEW, TYPED | COPIED | {"op": "refresh"}).content.decode()
    assert f"What the user group “{young.name}” was before (settings 1)" in page
    renewed = client.post(NEW, TYPED | COPIED | {"op": "renew:1"})
    assert renewed.context["form"].conditions.items[1].items[0].values == ["25"]
    assert f"The conditions of the user group “{young.name}”" in renewed.content.decode()


@pytest.mark.parametrize("op", ["insert_group", "renew:9.9", "renew:\x00", "renew:0"])
def test_nothing_is_added_that_is_not_there(op: str, young: Experiment, client: Client) -> None:
    response = client.post(NEW, TYPED | {"op": op, "saved_group": "nothing\x00"})
    assert response.status_code in {200, 422}
    assert len(response.context["form"].conditions.items) == 1


def test_somebody_elses_draft_is_no_saved_condition(
    people: People, young: Experiment, client: Client
) -> None:
    other = Actor.person(people.other_manager)
    make_experiment(other, Status.DRAFT, kind=Kind.GROUP, key="secret_idea", conditions=YOUNGER)
    assert "secret_idea" not in client.get(NEW).content.decode()
    refused = client.post(NEW, TYPED | {"op": "insert_group", "saved_group": "secret_idea"})
    assert refused.status_code == 422
    assert "Choose a user group" in refused.content.decode()
    fields = COPIED | {"c.1.0.value": "25", "op": "refresh"}
    assert "secret_idea" not in client.post(NEW, TYPED | fields).content.decode()


def test_a_group_says_where_it_is_used(mia: Actor, people: People, young: Experiment, client: Client) -> None:
    holds: list[Any] = [{"filter": "is_test_user", "operator": "eq", "value": True}, "OR", YOUNG]
    make_experiment(mia, Status.RUNNING, key="uses_it", conditions=holds)
    make_experiment(mia, Status.FINISHED, key="used_it_once", conditions=holds)
    make_experiment(Actor.person(people.other_manager), Status.DRAFT, key="secret_idea", conditions=holds)
    make_experiment(mia, Status.RUNNING, key="does_not", conditions=[*holds[:2], YOUNGER])
    text = " ".join(
        client.get("/groups/young/uses/", headers={"HX-Request": "true"}).content.decode().split()
    )
    assert "uses_it" in text
    for key in ("used_it_once", "secret_idea", "does_not", "older"):
        assert key not in text
    _renewed(mia, young)
    text = client.get("/groups/young/uses/", headers={"HX-Request": "true"}).content.decode()
    assert "older conditions (settings 1)" in " ".join(text.split())
    assert "does_not" in text
