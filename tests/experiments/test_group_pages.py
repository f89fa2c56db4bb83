"""User groups as pages: how many users and uses each has, what a change of one does, and who may follow it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Kind
from tests.conftest import People
from tests.factories import add_prepared, make_draft, make_experiment

YOUNG: list[Any] = [{"filter": "age", "operator": "lt", "value": 30}]
OLD: list[Any] = [{"filter": "age", "operator": "gte", "value": 65}]


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def _page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def _group(mia: Actor, key: str, conditions: list[Any], status: Status = Status.RUNNING) -> Any:
    return make_experiment(mia, status, kind=Kind.GROUP, key=key, conditions=conditions)


def _rows(client: Client) -> dict[str, tuple[bool, int]]:
    rows = client.get("/groups/").context["rows"]
    return {row["one"].key: (row["users"] is not None, row["uses"]) for row in rows}


def test_the_list_says_how_many_users_and_uses_each_has(mia: Actor, warehouse: Any, client: Client) -> None:
    _group(mia, "young", YOUNG)
    _group(mia, "old", OLD)
    make_draft(mia, key="empty", kind=Kind.GROUP)
    make_experiment(mia, Status.RUNNING, key="inside", conditions=[YOUNG, "OR", OLD])
    make_experiment(mia, Status.DEV, key="same", conditions=[YOUNG])
    make_experiment(mia, Status.DEV, key="by_chance", conditions=YOUNG)
    make_experiment(mia, Status.FINISHED, key="over", conditions=[YOUNG])
    assert _rows(client) == {"young": (True, 2), "old": (True, 1), "empty": (False, 0)}
    page = _page(client.get("/groups/"))
    assert "2 places" in page
    assert "1 place" in page
    assert "nowhere" in page


def test_a_use_is_counted_once_and_drafts_of_others_are_not(
    mia: Actor, people: People, warehouse: Any, client: Client
) -> None:
    _group(mia, "young", YOUNG)
    other = Actor.person(people.other_manager)
    make_experiment(other, key="their_draft", conditions=[YOUNG])
    running = make_experiment(mia, Status.RUNNING, key="mine", conditions=[YOUNG])
    add_prepared(mia, running, conditions=[YOUNG, "AND", OLD])
    assert _rows(client)["young"] == (True, 1)


def test_more_groups_ask_nothing_more(
    mia: Actor, warehouse: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        _group(mia, f"group_{number}", [{"filter": "age", "operator": "lt", "value": 20 + number}])
    with django_assert_max_num_queries(15):
        client.get("/groups/")


def test_a_group_says_what_a_change_of_it_does(
    mia: Actor, people: People, warehouse: Any, client: Client
) -> None:
    group = _group(mia, "young", YOUNG)
    card = "/groups/young/uses/"
    headers = {"HX-Request": "true"}
    assert "as soon as they are attached" in _page(client.get(card, headers=headers))
    assert "In no test yet." in _page(client.get(card, headers=headers))
    make_experiment(mia, Status.RUNNING, key="inside", conditions=[YOUNG, "AND", OLD])
    newer = add_prepared(mia, group, conditions=OLD)
    client.post(f"/groups/young/settings/{newer.number}/attach/")
    used = _page(client.get(card, headers=headers))
    assert "It stays, too, when the group is finished or withdrawn." in used
    assert "older conditions (settings 1)" in used
    # Who manages the test goes on from here; who does not is not offered what they may not do.
    assert "/tests/inside/settings/new/#conditions" in used
    client.force_login(people.viewer)
    assert "/tests/inside/settings/new/" not in _page(client.get(card, headers=headers))
    _group(mia, "over", YOUNG, Status.FINISHED)
    assert "It is finished: nobody is in it" in _page(client.get("/groups/over/uses/", headers=headers))


@pytest.mark.parametrize(("status", "verb"), [(Status.RUNNING, "finish"), (Status.DEV, "withdraw")])
def test_who_ends_a_group_in_use_hears_what_becomes_of_the_copies(
    status: Status, verb: str, mia: Actor, warehouse: Any, client: Client
) -> None:
    _group(mia, "young", YOUNG, status)
    asked = f"/groups/young/verbs/{verb}/"
    assert "as a copy" not in _page(client.get(asked))
    make_experiment(mia, Status.RUNNING, key="inside", conditions=[YOUNG, "AND", OLD])
    assert "1 test or group has its conditions; there they stay as they are, as a copy." in _page(
        client.get(asked)
    )
    assert client.post(asked, {"expected_status": status.value}).status_code == 302
    # The test goes on with the conditions that it has.
    assert "Inside" in _page(client.get("/groups/young/uses/", headers={"HX-Request": "true"}))
