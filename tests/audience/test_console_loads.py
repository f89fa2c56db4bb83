"""Loads of users in the console: only for superusers; progress that stops by itself; errors in words; rejects to download."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from audience.load_history import recorded_load
from audience.loading import Reject
from audience.models import UserLoad, UserSource
from audience.source_loads import load_source
from audience.source_services import create_source
from core.errors import InvalidInput
from tests.audience.shop_database import Shop, shop
from tests.conftest import People

__all__ = ["shop"]
MACHINE = Actor.machine("test")
NOON = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)
TYPED = {
    "name": "shop",
    "database_variable": "SOURCE_SHOP",
    "query": "SELECT id FROM shop.people",
    "mapping": "age = years\n\nlanguage=lang",
    "overlap_minutes": "30",
    "schedule": "hourly",
}


@pytest.fixture
def console(people: People, client: Client) -> Client:
    client.force_login(people.superuser)
    return client


def page(client: Client, address: str, **headers: Any) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def failed_load(*rejects: Reject) -> UserLoad:
    with contextlib.suppress(InvalidInput), recorded_load("users.csv", MACHINE) as log:
        for reject in rejects:
            log.reject(reject)
        raise InvalidInput.at("file", "breaks off after line 7")
    return UserLoad.objects.get()


@pytest.mark.parametrize("role", ["superuser", "manager", "developer", "qa", "viewer"])
def test_only_superusers_see_loads(role: str, people: People, client: Client) -> None:
    create_source(MACHINE, name="mine", database_variable="SOURCE_X", query="SELECT 1 AS id")
    load = UserLoad.objects.create(title="users.csv", actor_name="test")
    client.force_login(getattr(people, role))
    may = role == "superuser"
    for address in ("/loads/", f"/loads/{load.pk}/", "/new/source/", "/sources/mine/"):
        assert client.get(address).status_code == (200 if may else 403)
    assert client.post("/new/source/", TYPED).status_code == (302 if may else 403)
    assert client.post("/sources/mine/load/").status_code == (302 if may else 403)
    assert client.post("/sources/mine/archive/", {"revision": "1"}).status_code == (302 if may else 403)
    assert UserSource.objects.filter(name="shop").exists() is may
    assert ('href="/loads/"' in page(client, "/filters/")) is may


def test_a_new_source_is_what_was_typed(console: Client) -> None:
    assert console.post("/new/source/", TYPED).status_code == 302
    made = UserSource.objects.get()
    assert (made.name, made.mapping, made.overlap_minutes) == (
        "shop",
        {"age": "years", "language": "lang"},
        30,
    )
    assert "age = years\nlanguage = lang" in page(console, "/sources/shop/")
    assert (
        console.post("/sources/shop/", {**TYPED, "schedule": "nightly", "revision": "1"}).status_code == 302
    )
    assert UserSource.objects.get().schedule == "nightly"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "../x"}, "name"),
        ({"database_variable": "DATABASE_URL"}, "database_variable"),
        ({"query": ""}, "query"),
        ({"mapping": "age"}, "mapping"),
        ({"overlap_minutes": "soon"}, "overlap_minutes"),
        ({"overlap_minutes": "99999999999"}, "overlap_minutes"),
        ({"schedule": "weekly"}, "schedule"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changed: dict[str, str], field: str, console: Client) -> None:
    response = console.post("/new/source/", {**TYPED, **changed})
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()
    assert not UserSource.objects.exists()


def test_the_second_of_two_editors_is_told(console: Client) -> None:
    console.post("/new/source/", TYPED)
    UserSource.objects.update(revision=2)
    response = console.post("/sources/shop/", {**TYPED, "query": "SELECT 2", "revision": "1"})
    assert response.status_code == 409
    assert "SELECT 2" in response.content.decode()


def test_the_list_asks_again_only_while_something_runs(console: Client) -> None:
    with recorded_load("users.csv", MACHINE) as log:
        log.told = -1e9
        log.progress(70_000, 0.5)
        text = page(console, "/loads/", **{"HX-Request": "true"})
        assert 'hx-trigger="every 2s"' in text
        assert "70,000" in text
        assert re.search(r'max="100"\s+value="50"', text)
        assert "<html" not in text
        log.failed("file: breaks off")
    text = page(console, "/loads/", **{"HX-Request": "true"})
    assert 'hx-trigger="every' not in text
    assert "failed" in text


def test_a_load_shows_its_error_in_words_and_its_rejects(console: Client) -> None:
    load = failed_load(Reject(3, 'age must be a whole number, not "<b>"'))
    text = page(console, f"/loads/{load.pk}/")
    assert "file: breaks off after line 7" in text
    assert "Line 3: age must be a whole number, not &quot;&lt;b&gt;&quot;" in text
    assert 'hx-trigger="every' not in text
    download = console.get(f"/loads/{load.pk}/rejects.csv")
    assert download.content.decode().splitlines() == [
        "line,reason",
        '3,"age must be a whole number, not ""<b>"""',
    ]
    assert "attachment" in download.headers["Content-Disposition"]
    assert console.get("/loads/999999/").status_code == 404
    assert console.get("/loads/999999/rejects.csv").status_code == 404


def test_load_now_asks_for_it_and_says_by_whom(
    console: Client, people: People, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_SHOP", shop.address)
    shop.make()
    shop.put(("a", "1", NOON))
    console.post(
        "/new/source/", {**TYPED, "query": shop.query, "mapping": "", "changed_at_column": "changed"}
    )
    assert console.post("/sources/shop/load/", {"everything": "yes"}).status_code == 302
    source = UserSource.objects.get()
    assert (source.requested_by, source.requested_from_start) == (str(people.superuser), True)
    assert "Asked for by" in page(console, "/loads/")
    load_source(source.pk, only_due=True)
    text = page(console, "/loads/")
    assert "Asked for by" not in text
    assert "2026-10-01 12:00:00+00:00" in text
    detail = page(console, f"/loads/{UserLoad.objects.get().pk}/")
    assert "Users in all" in detail
    assert console.post("/sources/nothing/load/").status_code == 404


def test_only_the_first_rejects_are_kept(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audience.load_history.REJECTS_KEPT", 3)
    load = failed_load(*(Reject(line, "bad") for line in range(2, 12)))
    download = console.get(f"/loads/{load.pk}/rejects.csv").content.decode()
    assert len(download.splitlines()) == 4


def test_a_long_history_has_pages_in_a_bounded_number_of_queries(
    console: Client, django_assert_max_num_queries: Any
) -> None:
    UserLoad.objects.bulk_create(
        UserLoad(title=f"load {number}", actor_name="test", state="loaded", finished_at=NOON)
        for number in range(120)
    )
    with django_assert_max_num_queries(10):
        assert "Page 1 of 3" in page(console, "/loads/")
    assert "load 0<" in page(console, "/loads/?page=3")
