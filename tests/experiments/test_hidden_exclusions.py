"""A test that keeps away from a draft: who does not know of the draft never reads its key, and does not lose it either."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.api import Api
from tests.conftest import People
from tests.factories import make_draft, make_experiment

PAGE = "/tests/green_button/"
NEW = f"{PAGE}settings/new/"


@pytest.fixture
def green_button(people: People, warehouse: Warehouse) -> Experiment:
    """Of both managers; it keeps away from a test that everybody knows and from a draft of the first one alone."""
    first = Actor.person(people.manager)
    make_draft(first, "secret_idea")
    make_experiment(first, Status.DEV, key="known_test")
    experiment = make_experiment(
        first, Status.DEV, key="green_button", draw="exclusive", exclusive_with=["secret_idea", "known_test"]
    )
    experiment.managers.add(people.other_manager)
    return experiment


@pytest.mark.parametrize("role", ["superuser", "manager", "other_manager", "developer", "viewer"])
def test_the_key_is_read_by_those_who_know_the_draft(
    role: str, people: People, client: Client, green_button: Experiment
) -> None:
    client.force_login(getattr(people, role))
    may_know = role in {"superuser", "manager"}
    for address in (PAGE, f"{PAGE}audience/", f"{PAGE}settings/1/"):
        text = client.get(address).content.decode()
        assert ("secret_idea" in text) is may_know, address
        assert may_know or "1 draft of other managers" in text, address
    assert "secret_idea" not in client.get(f"{PAGE}changelog/").content.decode()
    seen = Api.of(getattr(people, role)).get("/tests/green_button/settings-groups/1/").json()
    assert seen["exclusive_with"] == (["secret_idea", "known_test"] if may_know else ["known_test"])
    assert seen["hidden_exclusive_with"] == (0 if may_know else 1)


@pytest.mark.parametrize(("kept", "named"), [(True, ["known_test", "secret_idea"]), (False, ["known_test"])])
def test_saving_keeps_the_draft_that_the_editor_does_not_name(
    kept: bool, named: list[str], people: People, client: Client, green_button: Experiment
) -> None:
    client.force_login(people.other_manager)
    page = client.get(NEW)
    assert page.context["form"].keeps_hidden
    assert "secret_idea" not in page.content.decode()
    typed: dict[str, Any] = {
        "based_on": "1",
        "conditions_as": "rows",
        "v.0.name": "control",
        "v.0.percent": "5",
        "v.1.name": "green",
        "v.1.percent": "7",
        "control": "0",
        "split_by": "each",
        "draw": "exclusive",
        "exclusive_with": ["known_test"],
        "message": "More of it",
    }
    assert client.post(NEW, typed | ({"keeps_hidden": "1"} if kept else {})).status_code == 302
    assert sorted(green_button.settings_groups.get(number=2).exclusive_with) == named


def test_the_reason_for_no_room_does_not_name_a_draft(
    people: People, client: Client, warehouse: Warehouse
) -> None:
    first = Actor.person(people.manager)
    half = [{"name": "a", "percent": "30"}, {"name": "b", "percent": "30"}]
    make_experiment(first, key="secret_idea", variants=half)
    body = {"draw": "exclusive", "exclusive_with": ["secret_idea"], "variants": half}
    make_draft(first, "green_button")
    answer = Api.of(people.manager).post("/tests/green_button/what-if/", body).json()
    (impossible,) = [one for one in answer["objectives"] if not one["possible"]]
    assert "a draft" in impossible["reason"]
    assert "secret_idea" not in impossible["reason"]
