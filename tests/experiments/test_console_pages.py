"""Every page for every role: who may see it, who may not, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import Actor
from audience.source_services import create_source
from experiments.lifecycle import Status
from experiments.models import Kind
from tests.conftest import People
from tests.factories import add_prepared, make_draft, make_experiment

ROLES = ("superuser", "manager", "other_manager", "developer", "qa", "viewer")
READABLE = [
    "experiment_page",
    "experiment_header",
    "audience_card",
    "experiment_entry_list",
    "latest_card",
]
ACTING = ["properties_edit", "settings_create"]


def _address(name: str, key: str, kind: str = "test", **more: Any) -> str:
    return reverse(f"experiments:{name}", kwargs={"kind": kind, "key": key, **more})


@pytest.fixture
def running(people: People, warehouse: Any) -> str:
    make_experiment(Actor.person(people.manager), Status.RUNNING, key="green_button")
    return "green_button"


@pytest.mark.parametrize("role", ROLES)
def test_everybody_reads_a_published_test(role: str, people: People, running: str, client: Client) -> None:
    client.force_login(getattr(people, role))
    for name in READABLE:
        response = client.get(_address(name, running))
        assert response.status_code == 200, name
    assert client.get(_address("settings_group_page", running, number=1)).status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_only_its_managers_and_superusers_get_the_forms(
    role: str, people: People, running: str, client: Client
) -> None:
    client.force_login(getattr(people, role))
    allowed = role in {"superuser", "manager"}
    for name in ACTING:
        assert client.get(_address(name, running)).status_code == (200 if allowed else 403), name
    response = client.get(_address("experiment_verb", running, verb="pause"))
    assert response.status_code == (200 if allowed else 403)
    page = client.get(_address("experiment_page", running)).content.decode()
    assert ("verbs/pause/" in page) is allowed


@pytest.mark.parametrize("role", ROLES)
def test_a_draft_is_a_404_for_everybody_else(role: str, people: People, client: Client) -> None:
    make_draft(Actor.person(people.manager), key="secret_idea")
    client.force_login(getattr(people, role))
    allowed = role in {"superuser", "manager"}
    for name in READABLE:
        assert client.get(_address(name, "secret_idea")).status_code == (200 if allowed else 404), name
    assert (b"secret_idea" in client.get("/tests/").content) is allowed
    assert (b"secret_idea" in client.get("/changelog/").content) is allowed
    export = b"".join(client.get("/changelog/export/"))
    assert (b"secret_idea" in export) is allowed


@pytest.mark.parametrize("role", ROLES)
def test_what_a_source_asks_of_which_database_only_superusers_read(
    role: str, people: People, client: Client
) -> None:
    create_source(
        Actor.person(people.superuser),
        name="shop",
        database_variable="SOURCE_SHOP",
        query="SELECT id FROM customers_of_the_shop",
    )
    client.force_login(getattr(people, role))
    allowed = role == "superuser"
    assert (b"customers_of_the_shop" in client.get("/changelog/").content) is allowed
    assert (b"customers_of_the_shop" in b"".join(client.get("/changelog/export/"))) is allowed


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", Kind.values)
def test_lists_and_creation(kind: str, role: str, people: People, client: Client) -> None:
    client.force_login(getattr(people, role))
    assert client.get(f"/{kind}s/").status_code == 200
    may_create = role in {"superuser", "manager", "other_manager"}
    status = client.get(reverse("experiments:experiment_create", kwargs={"kind": kind})).status_code
    assert status == (200 if may_create else 403)


def test_a_user_group_has_the_same_pages_without_variants(
    people: People, warehouse: Any, client: Client
) -> None:
    make_experiment(Actor.person(people.manager), Status.RUNNING, kind=Kind.GROUP, key="christmas")
    client.force_login(people.manager)
    for name in (*READABLE, *ACTING):
        response = client.get(_address(name, "christmas", kind="group"))
        assert response.status_code == 200, name
        assert b"Hypothesis" not in response.content
        assert b'id="variants"' not in response.content


def test_a_test_is_not_found_among_the_groups(people: People, running: str, client: Client) -> None:
    client.force_login(people.superuser)
    assert client.get(_address("experiment_page", running, kind="group")).status_code == 404


@pytest.mark.parametrize("status", list(Status))
def test_the_page_stands_in_every_status(
    status: Status, people: People, warehouse: Any, client: Client
) -> None:
    make_experiment(Actor.person(people.manager), status, key="green_button")
    client.force_login(people.manager)
    page = client.get(_address("experiment_page", "green_button"))
    assert page.status_code == 200
    assert status.value.capitalize() in page.content.decode()


def test_a_page_that_is_not_there(people: People, client: Client) -> None:
    client.force_login(people.viewer)
    for address in ("/tests/nothing_here/", "/nowhere/", "/tests/%00/", f"/tests/{'x' * 300}/"):
        response = client.get(address)
        assert response.status_code == 404
        assert b"UserSplit" in response.content


def test_without_signing_in_every_page_leads_to_the_sign_in(running: str, client: Client) -> None:
    for name in (*READABLE, *ACTING):
        response = client.get(_address(name, running))
        assert response.status_code == 302
        assert response["Location"].startswith("/login/?next=/tests/green_button/")


def test_hostile_text_stays_text(people: People, warehouse: Any, client: Client) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>"
    experiment = make_experiment(
        Actor.person(people.manager),
        Status.RUNNING,
        key="evil",
        properties={
            "name": evil,
            "description": evil,
            "hypothesis": evil,
            "area": evil[:60],
            "chat_room": evil,
        },
        message=evil,
    )
    people.manager.first_name = "<b>Mia</b>"
    people.manager.save()
    add_prepared(Actor.person(people.manager), experiment, message=evil)
    client.force_login(people.manager)
    addresses = [_address(name, "evil") for name in (*READABLE, *ACTING)]
    addresses += ["/tests/", "/changelog/", _address("settings_group_page", "evil", number=2)]
    addresses += [f"/tests/?q={evil}", f"/changelog/?key={evil}"]
    for address in addresses:
        text = client.get(address).content.decode()
        assert "<script>alert" not in text, address
        assert "<img src=x" not in text, address
        assert "<b>Mia" not in text, address
