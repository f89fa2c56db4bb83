"""The pages of the QA tools: who sees and does what, without JavaScript."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import ForcedUser
from experiments.services import force_user
from tests.conftest import People
from tests.factories import make_experiment

NASTY = "<script>alert(1)</script>' OR 1=1 --\n{{ 7*7 }}"
PAYING = [{"filter": "is_paying", "operator": "eq", "value": "yes"}]
ALL = [{"name": "green", "percent": "100"}]


@pytest.mark.parametrize("role", ["superuser", "manager", "developer", "qa", "viewer"])
def test_everybody_may_look(client: Client, people: People, manager: Actor, role: str) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="running", conditions=PAYING, variants=ALL)
    force_user(manager, experiment, "green", "production", user_id="77")
    client.force_login(getattr(people, role))
    check = client.get("/check/", {"user_id": "unknown", "supports": "on"})
    assert check.status_code == 200
    assert "it is not true that Paying" in check.content.decode()
    assert "no user with this id" in check.content.decode()
    forced = client.get("/forced/")
    assert forced.status_code == 200
    assert ("Force somebody" in forced.content.decode()) == (role in {"superuser", "manager", "qa"})
    assert ("Remove</button>" in forced.content.decode()) == (role in {"superuser", "manager", "qa"})


def test_a_forced_user_is_added_checked_and_removed(client: Client, people: People, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="running", conditions=PAYING, variants=ALL)
    client.force_login(people.qa)
    given = {"target": "running:green", "user_id": NASTY, "environment": "production", "reason": NASTY}
    assert client.post("/forced/", given | {"expires_on": "2999-01-01"}).status_code == 302
    page = client.get("/forced/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    check = client.get("/check/", {"user_id": ForcedUser.objects.get().user_id}).content.decode()
    assert "QA put this user or device into the variant." in check
    assert "<script>alert" not in check
    assert client.post(f"/forced/{ForcedUser.objects.get().pk}/remove/").status_code == 302
    assert not ForcedUser.objects.exists()
    assert client.post("/forced/999999/remove/").status_code == 404


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"target": "", "user_id": "1"}, "Choose a test and a variant."),
        ({"target": "running:green"}, "Give either a user id or a device id."),
        (
            {"target": "running:green", "user_id": "1", "device_id": "2"},
            "Give either a user id or a device id.",
        ),
        ({"target": "running:nothing", "user_id": "1"}, "nothing"),
        ({"target": "running:green", "user_id": "1", "expires_on": "2001-01-01"}, "Lies in the past."),
        ({"target": "running:green", "user_id": "1", "environment": "moon"}, "moon"),
        ({"target": "running:green", "user_id": "\x001"}, "Null characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: Client, people: People, manager: Actor, given: dict[str, str], complaint: str
) -> None:
    make_experiment(manager, Status.RUNNING, key="running", variants=ALL)
    client.force_login(people.qa)
    answer = client.post("/forced/", {"environment": "production"} | given)
    assert answer.status_code == 422
    assert complaint in answer.content.decode()
    assert not ForcedUser.objects.exists()


@pytest.mark.parametrize("role", ["developer", "viewer", "other_manager"])
def test_nobody_else_forces(client: Client, people: People, manager: Actor, role: str) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="running", variants=ALL)
    forced = force_user(manager, experiment, "green", "production", user_id="77")
    client.force_login(getattr(people, role))
    given = {"target": "running:green", "user_id": "1", "environment": "production"}
    assert client.post("/forced/", given).status_code == 422
    assert client.post(f"/forced/{forced.pk}/remove/").status_code == 403
    assert ForcedUser.objects.count() == 1


def test_the_request_is_typed_in_and_read_by_the_type_of_its_filter(
    client: Client, people: People, manager: Actor
) -> None:
    conditions = [{"filter": "client_version", "operator": "version_gte", "value": "2.0"}]
    make_experiment(
        manager,
        Status.RUNNING,
        key="running",
        properties={"side": "client"},
        conditions=conditions,
        variants=ALL,
    )
    client.force_login(people.viewer)
    guest = {"split_group": "7", "supports": "on"}
    assert (
        "<strong>green</strong>"
        in client.get("/check/", guest | {"filter_client_version": "2.10"}).content.decode()
    )
    assert (
        "CONDITIONS_NOT_MET"
        in client.get("/check/", guest | {"filter_client_version": "1.9"}).content.decode()
    )
    old_client = {"split_group": "7", "filter_client_version": "2.10"}
    assert "NOT_SUPPORTED_BY_CLIENT" in client.get("/check/", old_client).content.decode()
    wrong = client.get("/check/", guest | {"filter_client_version": "two"})
    assert wrong.status_code == 422
    assert "must be a version" in wrong.content.decode()
    assert client.get("/check/", {"split_group": "2401"}).status_code == 422
