"""Which app server runs which version: heard from the questions for the manifest, listed for people and programs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from core import clock
from delivery import app_servers
from delivery.app_servers import live_servers
from delivery.models import AppServer
from delivery.services import deliver
from delivery.tasks import forget_silent_servers
from experiments.lifecycle import Status
from experiments.services import force_user
from tests.conftest import People
from tests.factories import make_experiment

MANIFEST = "/api/v1/delivery/manifest"
MOMENT = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
NAME = "web-1:4711:0123abcd"


def headers(people: People, scope: str = Scope.DELIVER, environment: str = "production") -> dict[str, str]:
    _, secret = create_token(Actor.person(people.viewer), "app server", [scope], environment)
    return {"Authorization": f"Bearer {secret}"}


def says(version: object, name: str = NAME, sdk: str = "1.0") -> dict[str, str]:
    return {"UserSplit-Instance": name, "UserSplit-Version": str(version), "UserSplit-SDK": sdk}


def test_a_server_is_listed_with_what_it_runs(client: Client, people: People, manager: Actor) -> None:
    server = headers(people, environment="devel")
    assert client.get(MANIFEST, headers=server | says(0)).status_code == 200
    etag = client.get(MANIFEST, headers=server | says(1))["ETag"]
    assert client.get(MANIFEST, headers=server | says(1) | {"If-None-Match": etag}).status_code == 304
    row = AppServer.objects.get()
    assert (row.instance, row.version, row.environment, row.sdk) == (NAME, 1, "devel", "1.0")
    make_experiment(manager, Status.RUNNING, key="first")
    deliver()
    listed = client.get("/api/v1/delivery/servers/", headers=headers(people, Scope.READ)).json()["results"]
    (shown,) = listed
    assert (shown["version"], shown["newest_version"], shown["is_alive"]) == (1, 2, True)
    assert shown["behind_since"] > shown["published_at"]
    client.get(MANIFEST, headers=server | says(2))
    (shown,) = client.get("/api/v1/delivery/servers/", headers=headers(people, Scope.READ)).json()["results"]
    assert (shown["version"], shown["behind_since"]) == (2, None)


def test_without_news_it_is_written_down_every_15_seconds(client: Client, people: People) -> None:
    server = headers(people)
    seen = []
    for seconds in (0, 10, 16, 20):
        with clock.frozen_at(MOMENT + dt.timedelta(seconds=seconds)):
            client.get(MANIFEST, headers=server | says(1))
            seen.append((AppServer.objects.get().seen_at - MOMENT).total_seconds())
    assert seen == [0, 0, 16, 16]
    assert AppServer.objects.get().first_seen_at == MOMENT


@pytest.mark.parametrize(
    "told",
    [
        {},
        says(""),
        says("-1"),
        says("1.5"),
        says("٣"),
        says(2**53),
        says("9" * 400),
        says(1, name=""),
        says(1, name="x" * 65 + ":1:0123abcd"),
        says(1, name="<script>alert(1)</script>:1:0123abcd"),
        says(1, name="web\u202e:1:0123abcd"),
        says(1, name="web:1:0123ABCG"),
        says(1, name="web:1:0123abcd\n"),
    ],
)
def test_what_no_server_would_say_is_not_believed_and_no_reason_to_refuse(
    client: Client, people: People, told: dict[str, str]
) -> None:
    assert client.get(MANIFEST, headers=headers(people) | told).status_code == 200
    assert not AppServer.objects.exists()


def test_a_strange_sdk_is_left_out(client: Client, people: People) -> None:
    client.get(MANIFEST, headers=headers(people) | says(1, sdk="<b>1</b>"))
    assert AppServer.objects.get().sdk == ""


def test_people_who_look_at_the_manifest_are_no_servers(client: Client, people: People) -> None:
    client.force_login(people.viewer)
    assert client.get(MANIFEST, headers=says(1)).status_code == 200
    assert not AppServer.objects.exists()


def test_made_up_names_push_out_the_own_rows_only(
    client: Client, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_servers, "MOST_PER_TOKEN", 3)
    honest, other = headers(people), headers(people)
    client.get(MANIFEST, headers=honest | says(1))
    for number in range(5):
        with clock.frozen_at(MOMENT + dt.timedelta(seconds=number)):
            client.get(MANIFEST, headers=other | says(1, name=f"made-up:{number}:0123abcd"))
    names = set(AppServer.objects.values_list("instance", flat=True))
    assert names == {NAME, "made-up:2:0123abcd", "made-up:3:0123abcd", "made-up:4:0123abcd"}


def test_silent_servers_are_waited_for_a_minute_and_listed_for_a_day(client: Client, people: People) -> None:
    server = headers(people)
    with clock.frozen_at(MOMENT):
        client.get(MANIFEST, headers=server | says(1))
        assert live_servers("production").count() == 1
        assert live_servers("devel").count() == 0
    with clock.frozen_at(MOMENT + dt.timedelta(seconds=60)):
        assert live_servers().count() == 0
    with clock.frozen_at(MOMENT + dt.timedelta(hours=23)):
        forget_silent_servers()
    assert AppServer.objects.count() == 1
    with clock.frozen_at(MOMENT + dt.timedelta(hours=24)):
        forget_silent_servers()
    assert AppServer.objects.count() == 0


@pytest.mark.parametrize("scope", ["deliver", "qa", "manage", "ingest", "evaluate"])
def test_the_list_is_for_readers(client: Client, people: People, scope: str) -> None:
    assert client.get("/api/v1/delivery/servers/", headers=headers(people, scope)).status_code == 403


def test_everybody_sees_who_is_behind(client: Client, people: People, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="first")
    deliver()
    app = headers(people)
    client.get(MANIFEST, headers=app | says(1, name="behind:1:0123abcd"))
    force_user(manager, experiment, "green", "production", user_id="1")
    deliver()
    client.get(MANIFEST, headers=app | says(2, name="current:1:0123abcd"))
    with clock.frozen_at(clock.now() - dt.timedelta(hours=1)):
        client.get(MANIFEST, headers=app | says(1, name="silent:1:0123abcd"))
    client.force_login(people.viewer)
    page = client.get(reverse("delivery:server_list")).content.decode()
    assert "1 of 2" in page.replace("</strong>", "")
    assert page.index("behind:1:") < page.index("current:1:") < page.index("silent:1:")
    assert [page.count(word) for word in (">Behind<", ">Newest<", ">Silent<")] == [1, 1, 1]
    assert "No server was heard of in the last minute" in page, "devel has none"
    only = client.get("/servers/", {"q": "CURRENT", "environment": "production"}).content.decode()
    assert ("current:1:" in only, "behind:1:" in only) == (True, False)
    assert "No server fits" in client.get("/servers/", {"q": "\x00<b>"}).content.decode()


def test_the_page_asks_as_much_whatever_the_number_of_servers(
    client: Client, people: People, django_assert_max_num_queries: Any
) -> None:
    app = headers(people)
    for number in range(60):
        client.get(MANIFEST, headers=app | says(number, name=f"web:{number}:0123abcd"))
    client.force_login(people.viewer)
    with django_assert_max_num_queries(10):
        assert client.get("/servers/?page=2").status_code == 200
