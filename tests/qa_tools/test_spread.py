"""Which app servers have what QA set: read from the versions that they report."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from core import clock
from delivery.app_servers import Report, record_report
from delivery.services import publish
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, ForcedUser, TestsOff
from experiments.services import (
    apply_verb,
    attach_settings_group,
    force_user,
    switch_tests_off,
    unforce_user,
)
from qa_tools.spread import Spread, spread_of_forced, spread_of_tests_off
from tests.conftest import People
from tests.factories import add_prepared, make_experiment

TOMORROW = dt.timedelta(days=1)


@pytest.fixture
def test(manager: Actor) -> Experiment:
    found = make_experiment(manager, Status.RUNNING, key="running")
    publish()
    return found


def server(manager: Actor, name: str, version: int, environment: str = "production") -> None:
    token, _ = create_token(manager, "app server", [Scope.DELIVER], environment)
    record_report(token, Report(f"{name}:1:0123abcd", version, "1.0"))


def shown(forced: ForcedUser) -> Spread:
    rows = ForcedUser.objects.filter(pk=forced.pk).select_related("experiment__current")
    return spread_of_forced(list(rows))[forced.pk]


def counts(spread: Spread) -> tuple[int, int]:
    return len(spread.having), spread.servers


def test_who_runs_a_version_that_holds_it_has_it(manager: Actor, test: Experiment) -> None:
    before = publish().manifest.version
    forced = force_user(manager, test, "green", "production", user_id="1")
    assert (shown(forced).is_published, shown(forced).is_moving) == (False, True)
    now = publish().manifest.version
    assert shown(forced).is_published
    server(manager, "old", before)
    server(manager, "new", now)
    server(manager, "other", before, "devel")
    spread = shown(forced)
    assert (spread.having, spread.lacking) == (("new:1:0123abcd",), ("old:1:0123abcd",))
    assert spread.is_moving
    server(manager, "old", now)
    # The same host with another token is another server.
    assert counts(shown(forced)) == (2, 3)
    # Others came and went since: what matters is whether that version holds this one.
    unforce_user(manager, force_user(manager, test, "green", "production", user_id="2").pk)
    server(manager, "newest", publish().manifest.version)
    assert counts(shown(forced)) == (3, 4)


def test_moving_somebody_waits_for_the_new_variant(manager: Actor, test: Experiment) -> None:
    force_user(manager, test, "green", "production", user_id="1")
    server(manager, "web", publish().manifest.version)
    forced = force_user(manager, test, "control", "production", user_id="1")
    publish()
    assert counts(shown(forced)) == (0, 1)


def test_what_has_expired_is_over_when_no_server_has_it(manager: Actor, test: Experiment) -> None:
    forced = force_user(manager, test, "green", "production", user_id="1", expires_at=clock.now() + TOMORROW)
    with_it = publish().manifest.version
    with clock.frozen_at(clock.now() + 2 * TOMORROW):
        server(manager, "slow", with_it)
        spread = shown(forced)
        assert (spread.is_over, counts(spread), spread.is_moving) == (True, (1, 1), True)
        without = publish().manifest.version
        assert without > with_it
        server(manager, "quick", without)
        assert counts(shown(forced)) == (1, 2)


def test_why_it_is_not_delivered_at_all(manager: Actor, people: People, test: Experiment) -> None:
    forced = force_user(manager, test, "green", "production", user_id="1")
    blue = [{"name": "blue", "percent": "5"}, {"name": "control", "percent": "5", "is_control": True}]
    add_prepared(manager, test, variants=blue)
    attach_settings_group(manager, test, 2)
    publish()
    assert shown(forced).obstacle == "The current settings have no such variant"
    in_dev = make_experiment(manager, Status.DEV, key="in_dev")
    withdrawn = force_user(manager, in_dev, "green", "production", user_id="1")
    apply_verb(manager, in_dev, Verb.WITHDRAW)
    publish()
    assert shown(withdrawn).obstacle == "The test is a draft again"
    assert not shown(withdrawn).is_moving


def test_tests_are_off_everywhere(manager: Actor, people: People, test: Experiment) -> None:
    qa = Actor.person(people.qa)
    before = publish().manifest.version
    user, device = (
        switch_tests_off(qa, user_id="1"),
        switch_tests_off(qa, device_id="1", expires_at=clock.now() + TOMORROW),
    )
    now = publish().manifest.version
    server(manager, "old", before)
    server(manager, "new", now, "devel")
    found = spread_of_tests_off(list(TestsOff.objects.all()))
    assert [counts(found[row.pk]) for row in (user, device)] == [(1, 2), (1, 2)]
    with clock.frozen_at(clock.now() + 2 * TOMORROW):
        publish()
        found = spread_of_tests_off(list(TestsOff.objects.all()))
        assert [(found[row.pk].is_over, found[row.pk].is_published) for row in (user, device)] == [
            (False, True),
            (True, False),
        ]


def test_the_pages_say_it(client: Client, people: People, manager: Actor, test: Experiment) -> None:
    before = publish().manifest.version
    force_user(manager, test, "green", "production", user_id="1")
    switch_tests_off(Actor.person(people.qa), user_id="2")
    client.force_login(people.viewer)
    for address in ("/forced/", "/tests-off/"):
        assert "On its way" in client.get(address).content.decode()
    server(manager, "old", before)
    server(manager, "new", publish().manifest.version)
    for address in ("/forced/", "/tests-off/"):
        page = client.get(address).content.decode()
        assert "1 of 2 servers" in page
        assert 'hx-trigger="every 3s"' in page
        assert "every 3s" not in client.get(address, {"polls": "60"}).content.decode(), "it ends by itself"
