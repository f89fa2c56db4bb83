"""Delivery status: the newest version, what lies in the folder, and what the latest versions changed."""

from __future__ import annotations

from pathlib import Path

from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.actors import Actor
from audience.warehouse import Warehouse
from delivery import versions
from delivery.services import deliver
from delivery.versions import folder_version, latest_versions
from experiments.lifecycle import Status, Verb
from experiments.models import Kind
from experiments.services import apply_verb, switch_tests_off
from tests.conftest import People
from tests.factories import make_experiment


def told(actor: Actor) -> list[tuple[int, list[tuple[str, str]], int, bool]]:
    """Of each version what changed by name, how many changes have none, and whether tests off did."""
    return [
        (
            version.version,
            [(change.experiment.key, change.what) for change in version.changes],
            version.more,
            version.tests_off,
        )
        for version in latest_versions(actor)
    ]


def test_each_version_says_what_it_brought(
    people: People, manager: Actor, warehouse: Warehouse, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert told(manager) == []
    button = make_experiment(manager, Status.DEV, key="button")
    deliver()
    make_experiment(manager, Status.RUNNING, kind=Kind.GROUP, key="club")
    apply_verb(manager, button, Verb.START)
    deliver()
    switch_tests_off(Actor.person(people.superuser), user_id="1")
    banner = make_experiment(manager, Status.DEV, key="banner")
    deliver()
    apply_verb(manager, banner, Verb.WITHDRAW)
    deliver()
    whole = [
        (4, [("banner", "gone")], 0, False),
        (3, [("banner", "new")], 0, True),
        (2, [("club", "new"), ("button", "changed")], 0, False),
        (1, [("button", "new")], 0, False),
    ]
    assert told(manager) == whole
    with django_assert_num_queries(3):
        latest_versions(manager)
    # A draft again: others may not know its key, not from earlier versions either.
    other = told(Actor.person(people.viewer))
    assert other == [(4, [], 1, False), (3, [], 1, True), *whole[2:]]


def test_only_the_latest_are_shown_and_compared(manager: Actor, warehouse: Warehouse) -> None:
    for _ in range(versions.SHOWN + 2):
        make_experiment(manager, Status.DEV)
        deliver()
    shown = told(manager)
    assert [version for version, *_ in shown] == list(range(versions.SHOWN + 2, 2, -1))
    assert all(len(changes) == 1 for _, changes, _, _ in shown)


def test_the_page_tells_what_lies_in_the_folder(
    people: People, manager: Actor, warehouse: Warehouse, client: Client, settings: Settings
) -> None:
    client.force_login(people.viewer)

    def page() -> str:
        return " ".join(client.get("/servers/").content.decode().split())

    assert "Nothing is delivered yet" in page()
    make_experiment(manager, Status.RUNNING, key="button")
    deliver()
    shown = page()
    assert "The newest version is 1" in shown
    assert "<dd> The newest </dd>" in shown
    assert "<code>button</code>" in shown
    (Path(settings.DELIVERY_DIR) / "manifest.json").unlink()
    assert folder_version() == 0
    assert "<dd> No version </dd>" in page()
    polled = client.get("/servers/", headers={"HX-Request": "true", "HX-Target": "results"}).content.decode()
    assert "The latest versions" not in polled
