"""A pasted list of ids: everybody, or nobody and every line that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from changelog.models import Entry
from core.errors import Conflict, InvalidInput, NotAllowed
from experiments.lifecycle import Status
from experiments.models import ForcedUser
from experiments.services import Forcing, force_user, force_users
from experiments.services.forcing import MAX_PEOPLE
from tests.conftest import People
from tests.factories import make_experiment

GIVEN = {"target": "running:green", "kind": "user_id", "environment": "devel"}


@pytest.fixture(autouse=True)
def qa(client: Client, people: People, manager: Actor) -> Actor:
    make_experiment(manager, Status.RUNNING, key="running")
    client.force_login(people.qa)
    return Actor.person(people.qa)


def paste(client: Client, lines: str, **given: str) -> Any:
    return client.post("/forced/many/", GIVEN | given | {"lines": lines})


def forced() -> list[tuple[str, str, str]]:
    rows = ForcedUser.objects.order_by("pk")
    return list(rows.values_list("user_id", "device_id", "variant"))


def test_ids_and_variants_of_their_own(client: Client) -> None:
    lines = '4711\r\n4712,control\r\n\r\n  4713 ,\tgreen \r\n"a,b",control\r\n<b>"x"</b>\r\n\'; DROP TABLE x; --\r\n4711'
    assert paste(client, lines, reason="bug 7").status_code == 302
    assert forced() == [
        ("4711", "", "green"),
        ("4712", "", "control"),
        ("4713", "", "green"),
        ("a,b", "", "control"),
        ('<b>"x"</b>', "", "green"),
        ("'; DROP TABLE x; --", "", "green"),
    ]
    assert {row.reason for row in ForcedUser.objects.all()} == {"bug 7"}
    assert {row.environment for row in ForcedUser.objects.all()} == {"devel"}
    page = client.get("/forced/").content.decode()
    assert "Forced 6 in “running”." in page
    assert '<b>"x"' not in page


def test_one_entry_of_the_changelog_names_them_all(client: Client, manager: Actor) -> None:
    before = Entry.objects.count()
    paste(client, "\n".join(f"d-{number}" for number in range(200)), kind="device_id")
    assert Entry.objects.count() == before + 1
    entry = Entry.objects.order_by("-pk")[0]
    assert entry.message == "Forced 200 users or devices: 200 into “green” (devel)"
    assert [change["label"] for change in entry.changes] == [
        f"Forced device d-{n} (devel)" for n in range(200)
    ]
    assert "d-199" in client.get("/tests/running/changelog/").content.decode()
    assert b"d-199" in b"".join(client.get("/changelog/export/").streaming_content)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("lines", "complaints"),
    [
        ("", ["Give at least one id."]),
        ("\n \n", ["Give at least one id."]),
        ("1\n2,blue\n3", ["Line 2: Must be one of: control, green."]),
        ("1\n\n,green", ["Line 3: Must be an id"]),
        ("1,green,2", ["Line 1: Must be an id"]),
        ('"1\n2,blue', ["Line 1: A quotation mark"]),
        ('ok\n"1"2', ["Line 2: A quotation mark"]),
        ("1\n2\n1,control", ["Line 3: Stands there twice, with different variants."]),
        ("1\n" + "x" * 201 + "\n2,blue", ["Line 2: Must be text of at most 200", "Line 3: Must be one of"]),
        ("\n".join(map(str, range(MAX_PEOPLE + 1))), ["Must be 1 to 1,000 users or devices, not 1,001."]),
        ("\n".join(f"{n},blue" for n in range(60)), ["Line 50: Must be", "And 10 more."]),
        ("1\x00", ["Null characters"]),
        ("x" * 500_001, ["at most 500000 characters"]),
    ],
)
def test_a_wrong_line_forces_nobody_and_is_named(client: Client, lines: str, complaints: list[str]) -> None:
    answer = paste(client, lines)
    assert answer.status_code == 422
    page = answer.content.decode()
    for complaint in complaints:
        assert complaint in page
    assert not ForcedUser.objects.exists()


def test_what_was_typed_stays(client: Client) -> None:
    page = paste(client, "1,<script>\n2", reason="because").content.decode()
    assert "1,&lt;script&gt;\n2</textarea>" in page
    assert 'value="because"' in page


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"target": ""}, "Choose a test and a variant."),
        ({"target": "other:green"}, "Select a valid choice"),
        ({"environment": "moon"}, "moon"),
        ({"kind": "cookie"}, "cookie"),
        ({"expires_on": "2001-01-01"}, "Lies in the past."),
    ],
)
def test_the_other_fields_are_checked_too(client: Client, given: dict[str, str], complaint: str) -> None:
    answer = paste(client, "1", **given)
    assert (answer.status_code, complaint in answer.content.decode()) == (422, True)
    assert not ForcedUser.objects.exists()


def test_a_thousand_at_once_move_who_was_forced_before(
    qa: Actor, manager: Actor, django_assert_max_num_queries: Any
) -> None:
    experiment = make_experiment(manager, Status.DEV, key="in_dev")
    first = force_user(qa, experiment, "control", "production", user_id="7", reason="before")
    people = [Forcing("green", user_id=str(number)) for number in range(MAX_PEOPLE)]
    with django_assert_max_num_queries(12):
        made = force_users(qa, experiment, people, "production", reason="all")
    assert [row.user_id for row in made] == [person.user_id for person in people]
    assert (made[7].pk, made[7].variant, made[7].reason) == (first.pk, "green", "all")
    assert made[7].created_at == first.created_at
    (change,) = [one for one in Entry.objects.order_by("-pk")[0].changes if "user 7 " in one["label"]]
    assert (change["before"], change["after"]) == ("control", "green")


def test_the_service_says_who_and_where(people: People, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.DEV, key="in_dev")
    qa = Actor.person(people.qa)
    with pytest.raises(InvalidInput) as refusal:
        force_users(qa, experiment, [Forcing("green", "1"), Forcing("blue", "", "")], "moon")
    assert {error.path for error in refusal.value.errors} == {
        "environment",
        "people[1].user_id",
        "people[1].variant",
    }
    with pytest.raises(InvalidInput):
        force_users(qa, experiment, [], "devel")
    with pytest.raises(NotAllowed):
        force_users(Actor.person(people.developer), experiment, [Forcing("green", "1")], "devel")
    with pytest.raises(Conflict):
        force_users(qa, make_experiment(manager, key="draft"), [Forcing("green", "1")], "devel")
    assert not ForcedUser.objects.exists()


@pytest.mark.parametrize("role", ["developer", "viewer", "other_manager"])
def test_nobody_else_pastes(client: Client, people: People, role: str) -> None:
    client.force_login(getattr(people, role))
    assert "Only QA" in client.get("/forced/many/").content.decode()
    assert paste(client, "1").status_code == 422
    assert not ForcedUser.objects.exists()
