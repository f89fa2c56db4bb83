"""Creating and editing properties: errors at the field, nothing typed is lost, two editors at once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services import edit_properties
from tests.conftest import People
from tests.factories import make_draft, make_experiment

NEW = "/new/tests/"
EDIT = "/tests/green_button/properties/edit/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def _typed(**changed: Any) -> dict[str, Any]:
    typed = {
        "name": "Green button",
        "key": "green_button",
        "side": "server",
        "area": "payments",
        "managers": ["manager"],
    }
    return typed | changed


def test_a_test_is_created(mia: Actor, client: Client) -> None:
    response = client.post(NEW, _typed(jira_issue="PAY-17", managers=["other_manager"]))
    assert response["Location"] == "/tests/green_button/"
    test = Experiment.objects.get(key="green_button")
    assert (test.status, test.jira_issue) == ("draft", "PAY-17")
    assert {person.username for person in test.managers.all()} == {"manager", "other_manager"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("key", "a/../b", "Must be 2 to 64 lower-case letters"),
        ("key", "", "Key is needed"),
        ("key", "taken_key", "There is already a test with the key taken_key"),
        ("name", "", "Name is needed"),
        ("jira_issue", "<b>", "Must be the key of an issue"),
        ("description", "x" * 1_000_000, "Is 1,000,000 characters long"),
        ("hypothesis", "a\x00b", "Null characters are not allowed"),
        ("managers", "viewer", "is not one of the available choices"),
        ("side", "moon", "is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    field: str, value: str, message: str, mia: Actor, client: Client
) -> None:
    make_draft(mia, key="taken_key")
    response = client.post(NEW, _typed(area="a very special area", **{field: value}))
    text = response.content.decode()
    assert response.status_code == 422
    assert message in text
    assert f'id="id_{field}_error"' in text
    assert "a very special area" in text
    assert not Experiment.objects.filter(key="green_button").exists()


def test_the_card_is_edited_in_place(mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    response = client.post(EDIT, _typed(revision=1, name="Greener"), headers=HTMX)
    assert response.status_code == 200
    assert "experiment-changed" in response["HX-Trigger"]
    assert "<html" not in response.content.decode()
    assert Experiment.objects.get().name == "Greener"


def test_without_scripts_it_is_a_page_and_a_redirect(mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    assert "<html" in client.get(EDIT).content.decode()
    assert client.post(EDIT, _typed(revision=1))["Location"] == "/tests/green_button/"


def test_a_new_key_moves_the_page(mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    response = client.post(EDIT, _typed(revision=1, key="greener_button"), headers=HTMX)
    assert response["HX-Redirect"] == "/tests/greener_button/"


def test_the_key_of_a_published_test_is_no_field(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.DEV, key="green_button")
    assert 'name="key"' not in client.get(EDIT).content.decode()
    client.post(EDIT, _typed(revision=1, key="other_key"))
    assert Experiment.objects.get().key == "green_button"


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_the_second_of_two_editors_sees_both_versions(
    headers: dict[str, str], mia: Actor, client: Client
) -> None:
    test = make_draft(mia, key="green_button")
    edit_properties(mia, test, {"hypothesis": "Theirs"})
    response = client.post(EDIT, _typed(revision=1, hypothesis="Mine"), headers=headers)
    text = response.content.decode()
    assert response.status_code == 409
    assert "Theirs" in text
    assert text.count("Mine") == 2
    assert Experiment.objects.get().hypothesis == "Theirs"
    # The form is based on their version now: saving again is a decision, not an accident.
    assert re.search(r'name="revision"\s+value="2"', text)
    assert client.post(EDIT, _typed(revision=2, hypothesis="Mine"), headers=headers).status_code in {200, 302}
    assert Experiment.objects.get().hypothesis == "Mine"


def test_the_last_manager_stays(mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    response = client.post(EDIT, _typed(revision=1, managers=[]))
    assert response.status_code == 422
    assert "At least one manager is needed" in response.content.decode()
