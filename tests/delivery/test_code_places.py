"""Where code names tests: a scan is the whole truth about its repository, and whatever else is sent is refused by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Scope
from audience.warehouse import Warehouse
from core import clock
from delivery.code_places import MAX_PLACES
from delivery.models import CodePlace, CodeRepository
from delivery.selectors import code_place_counts, code_places_of
from experiments.lifecycle import Status
from experiments.models import Kind
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import make_draft, make_experiment

ADDRESS = "/delivery/code-places/"
MOMENT = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
LINK = "https://git.example/shop/blob/{commit}/{path}#L{line}"


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.developer, [Scope.READ, Scope.MANAGE])


def place(key: str = "button", path: str = "shop/pay.py", line: int = 3, **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": "test", "path": path, "line": line, **more}


def scan(*places: object, **more: Any) -> dict[str, Any]:
    return {"repository": "shop/web", "commit": "a1b2c3d4", "places": list(places), **more}


def test_a_scan_is_the_whole_state_of_its_repository(api: Api, manager: Actor) -> None:
    button, banner = make_draft(manager, "button"), make_draft(manager, "banner")
    club = make_draft(manager, "club", Kind.GROUP)
    first = scan(place(), place(line=9), place("banner"), place("club", kind="group"), link=LINK, files=70)
    with clock.frozen_at(MOMENT):
        answer = api.send("PUT", ADDRESS, first)
    assert answer.status_code == 200
    assert answer.json() == {
        "repository": "shop/web",
        "commit": "a1b2c3d4",
        "committed_at": None,
        "link": LINK,
        "files": 70,
        "places": 4,
        "keys": 3,
        "scanned_at": "2026-11-22T12:00:00Z",
        "reported_by": "Developer",
    }
    assert code_place_counts([button, banner, club]) == {button.pk: 2, banner.pk: 1, club.pk: 1}
    kept = CodePlace.objects.get(key="button", line=3).pk
    other = scan(place(path="a.py", kind=""), repository="shop/app")
    assert api.send("PUT", ADDRESS, other).json()["places"] == 1
    second = scan(place(), place("unheard_of"), commit="b" * 40)
    assert api.send("PUT", ADDRESS, second).json()["commit"] == "b" * 40
    assert [(str(one), one.link) for one in code_places_of(button)] == [
        ("shop/app a.py:3", None),
        ("shop/web shop/pay.py:3", None),
    ]
    assert (code_places_of(banner), code_places_of(club)) == ([], [])
    assert CodePlace.objects.get(key="button", repository__name="shop/web").pk == kept
    # Code may be there before its test is.
    assert len(code_places_of(make_draft(manager, "unheard_of"))) == 1


def test_places_are_read_with_a_link_that_cannot_be_bent(api: Api, people: People, manager: Actor) -> None:
    make_draft(manager, "button")
    api.send("PUT", ADDRESS, scan(place(path="a b/{line}#?%.py", line=7), link=LINK))
    reader = Api.of(people.superuser, [Scope.READ])
    (row,) = reader.get("/tests/button/code-places/").json()["results"]
    assert row["link"] == "https://git.example/shop/blob/a1b2c3d4/a%20b/%7Bline%7D%23%3F%25.py#L7"
    assert (row["repository"], row["path"], row["line"]) == ("shop/web", "a b/{line}#?%.py", 7)
    (repository,) = reader.get(ADDRESS).json()["results"]
    assert (repository["repository"], repository["places"]) == ("shop/web", 1)
    assert api.get("/groups/button/code-places/").status_code == 404
    # Somebody else's draft is not there, nor are its places.
    assert api.get("/tests/button/code-places/").status_code == 404


def test_a_pipeline_that_ran_late_changes_nothing(api: Api) -> None:
    newer, older = "2026-11-22T10:00:00Z", "2026-11-22T09:00:00Z"
    assert api.send("PUT", ADDRESS, scan(place(), committed_at=newer)).status_code == 200
    late = api.send("PUT", ADDRESS, scan(commit="c" * 40, committed_at=older))
    assert problem(late, 409)["code"] == "older_scan"
    assert CodePlace.objects.count() == 1
    # The same commit again, or one that does not tell when it was made, is taken.
    assert api.send("PUT", ADDRESS, scan(place(), place(line=5), committed_at=newer)).status_code == 200
    assert api.send("PUT", ADDRESS, scan()).json()["places"] == 0


def test_a_repository_can_be_forgotten(api: Api) -> None:
    api.send("PUT", ADDRESS, scan(place()))
    for query, status in (
        ("", 400),
        ("?name=shop", 400),
        ("?repository=shop", 404),
        ("?repository=%00", 404),
    ):
        problem(api.send("DELETE", f"{ADDRESS}{query}"), status)
    assert api.send("DELETE", f"{ADDRESS}?repository=shop/web").status_code == 204
    assert not CodeRepository.objects.exists()
    assert not CodePlace.objects.exists()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["repository", "places"]),
        (scan() | {"more": 1}, ["more"]),
        (scan(repository=""), ["repository"]),
        (scan(repository="a//b"), ["repository"]),
        (scan(repository="x" * 201), ["repository"]),
        (scan(repository="a\x00"), ["repository"]),
        (scan(commit="HEAD"), ["commit"]),
        (scan(commit="a" * 65), ["commit"]),
        (scan(committed_at="yesterday"), ["committed_at"]),
        (scan(committed_at="2999-01-01T00:00:00Z"), ["committed_at"]),
        (scan(files=-1), ["files"]),
        (scan(link="javascript:alert(1)//{path}"), ["link"]),
        (scan(link="https://git.example/"), ["link"]),
        (scan(link="https://me:secret@git.example/{path}"), ["link"]),
        (scan(link="https://git.example/{path}/{branch}"), ["link"]),
        (scan() | {"places": {}}, ["places"]),
        (scan(*[place()] * (MAX_PLACES + 1)), ["places"]),
        (scan(place(), "button"), ["places[1]"]),
        (scan(place(), place("Button"), place(column=3)), ["places[1].key", "places[2].column"]),
        (scan(place(kind="flag"), place(kind=[])), ["places[0].kind", "places[1].kind"]),
        (scan(place(line=0), place(line=True), place(line=2**31)), [f"places[{n}].line" for n in range(3)]),
        (
            scan(*(place(path=path) for path in ("", "/etc", "a/../b", "a\nb", "a\u202eb", "\ud800", "x" * 501))),
            [f"places[{n}].path" for n in range(7)],
        ),
        (scan(*[{}] * 100), [f"places[{n // 3}].{('key', 'path', 'line')[n % 3]}" for n in range(20)]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named(api: Api, body: dict[str, Any], fields: list[str]) -> None:
    # One field may be wrong in two ways.
    assert list(dict.fromkeys(wrong_fields(api.send("PUT", ADDRESS, body)))) == fields
    assert not CodeRepository.objects.exists()


def test_long_paths_of_any_script_are_taken(api: Api) -> None:
    wide = "ü" * 480
    places = [place(f"key_{number % 500}", f"{wide}/{number}", number + 1) for number in range(1_200)]
    answer = api.send("PUT", ADDRESS, scan(*places))
    assert (answer.json()["places"], answer.json()["keys"]) == (1_200, 500)


def test_the_card_says_where_or_what_to_run(
    api: Api, people: People, manager: Actor, client: Client, warehouse: Warehouse
) -> None:
    make_experiment(manager, Status.FINISHED, key="button")
    client.force_login(people.viewer)

    def card(**headers: str) -> str:
        return client.get("/tests/button/in-code/", headers=headers).content.decode()

    assert "usersplit-sdk scan . --report" in card()
    api.send("PUT", ADDRESS, scan(place("banner")))
    assert "It is out of the code" in " ".join(card().split())
    lines = [place(path="<b>.py", line=line) for line in range(1, 31)]
    api.send("PUT", ADDRESS, scan(*lines, link=LINK))
    shown = card(**{"HX-Request": "true"})
    assert shown.count("<code>&lt;b&gt;.py:") == 20
    assert 'href="https://git.example/shop/blob/a1b2c3d4/%3Cb%3E.py#L20"' in shown
    assert "And 10 more." in shown
    assert "take these lines out" in shown
    whole = card()
    assert whole.count("<code>&lt;b&gt;.py:") == 30
    assert "<b>" not in whole


def test_delivery_status_lists_the_repositories(api: Api, people: People, client: Client) -> None:
    client.force_login(people.viewer)
    assert "usersplit-sdk scan . --report" in client.get("/servers/").content.decode()
    api.send("PUT", ADDRESS, scan(place(), place("banner"), place("banner", line=9), files=1_200))
    shown = " ".join(client.get("/servers/").content.decode().split())
    assert "shop/web <div" in shown
    assert '<td class="text-end">3</td> <td class="text-end">2</td> <td class="text-end">1,200</td>' in shown
