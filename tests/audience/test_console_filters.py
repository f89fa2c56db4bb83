"""The filter catalogue in the console: everybody reads, superusers change."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.actors import Actor
from audience.forms import read_choices, written_choices
from audience.models import Filter
from audience.services import update_filter
from tests.conftest import People

TYPED = {
    "name": "loyalty",
    "label": "Loyalty",
    "type": "integer",
    "source": "user",
    "column": "loyalty",
    "description": "Years with us.",
    "choices": "1 = one\n2=two\n\n3",
}


@pytest.mark.parametrize("role", ["superuser", "manager", "developer", "qa", "viewer"])
def test_everybody_reads_superusers_change(role: str, people: People, client: Client) -> None:
    client.force_login(getattr(people, role))
    text = client.get("/filters/").content.decode()
    assert "Country" in text
    may = role == "superuser"
    assert ("New filter" in text) is may
    for address in ("/new/filter/", "/filters/country_id/"):
        assert client.get(address).status_code == (200 if may else 403)
    assert client.post("/new/filter/", TYPED).status_code == (302 if may else 403)
    assert client.post("/filters/country_id/archive/", {"revision": "1"}).status_code == (302 if may else 403)
    assert Filter.objects.filter(name="loyalty").exists() is may
    assert Filter.objects.get(name="country_id").archived is may


def test_a_new_filter_has_all_operators_of_its_type(people: People, client: Client) -> None:
    client.force_login(people.superuser)
    client.post("/new/filter/", TYPED)
    made = Filter.objects.get(name="loyalty")
    assert made.choices == [
        {"value": 1, "label": "one"},
        {"value": 2, "label": "two"},
        {"value": 3, "label": "3"},
    ]
    assert "between" in made.operators
    assert made.column == "loyalty"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "../x"}, "name"),
        ({"name": "age"}, "name"),
        ({"label": ""}, "label"),
        ({"type": "money"}, "type"),
        ({"choices": "one = 1"}, "choices"),
        ({"choices": "1 = a\n1 = b"}, "choices"),
        ({"choices": "\x00"}, "choices"),
        ({"column": "a b"}, "column"),
        ({"operators": ["matches"]}, "operators"),
        ({"operators": ["explode"]}, "operators"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    changed: dict[str, object], field: str, people: People, client: Client
) -> None:
    client.force_login(people.superuser)
    response = client.post("/new/filter/", TYPED | {"description": "Kept words."} | changed)
    text = response.content.decode()
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in text
    assert "Kept words." in text
    assert not Filter.objects.filter(name="loyalty").exists()


def test_editing_keeps_what_is_for_good(people: People, client: Client) -> None:
    client.force_login(people.superuser)
    edited = Filter.objects.get(name="gender")
    page = client.get("/filters/gender/").content.decode()
    assert 'name="type"' not in page
    typed = {
        "label": "Sex",
        "operators": ["eq"],
        "choices": "female = F",
        "column": "gender",
        "revision": str(edited.revision),
    }
    assert client.post("/filters/gender/", typed).status_code == 302
    edited.refresh_from_db()
    assert (edited.label, edited.operators, edited.type) == ("Sex", ["eq"], "string")


def test_the_second_of_two_editors_is_told(people: People, client: Client) -> None:
    client.force_login(people.superuser)
    update_filter(Actor.person(people.superuser), "gender", revision=1, label="Theirs")
    typed = {"label": "Mine", "operators": ["eq"], "choices": "", "column": "gender", "revision": "1"}
    response = client.post("/filters/gender/", typed)
    text = response.content.decode()
    assert response.status_code == 409
    assert 'value="Mine"' in text
    assert Filter.objects.get(name="gender").label == "Theirs"
    revision = re.search(r'name="revision"\s+value="(\d+)"', text)
    assert revision is not None
    assert client.post("/filters/gender/", typed | {"revision": revision[1]}).status_code == 302
    assert Filter.objects.get(name="gender").label == "Mine"


def test_an_archived_filter_can_come_back(people: People, client: Client) -> None:
    client.force_login(people.superuser)
    client.post("/filters/age/archive/", {"revision": "1"})
    assert client.post("/filters/age/restore/", {"revision": "1"}).status_code == 409
    assert client.post("/filters/age/restore/", {"revision": "2"}).status_code == 302
    assert not Filter.objects.get(name="age").archived
    assert client.post("/filters/nothing/archive/", {"revision": "1"}).status_code == 404


def test_choices_are_lines() -> None:
    choices = [{"value": 50, "label": "Austria = Österreich"}, {"value": True, "label": "yes"}]
    assert written_choices(choices) == "50 = Austria = Österreich\nyes = yes"
    assert read_choices("50 = Austria = Österreich\n") == [{"value": "50", "label": "Austria = Österreich"}]
