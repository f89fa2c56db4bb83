"""The pages of people and roles: what each reader learns, what superusers do there, and what happens when two do it at once."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.actors import Actor
from accounts.models import User
from accounts.people import add_person, make_link, switch_person
from accounts.services import create_token
from core import clock
from experiments.lifecycle import Status
from tests.conftest import People
from tests.factories import make_draft, make_experiment

TYPED = {"username": "yuki", "name": "Yuki Mori", "email": "yuki@example.org", "role": "qa"}


@pytest.fixture
def boss(people: People) -> Client:
    """The superuser's browser."""
    browser = Client()
    browser.force_login(people.superuser)
    return browser


def page(browser: Client, address: str = "/people/") -> str:
    """Without the frame, where the reader's own name stands."""
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode().split('<main id="main"')[1].split("</main>")[0]


def names(text: str) -> list[str]:
    return re.findall(r'<a href="/people/\d+/">([^<]*)</a>', text)


def test_everybody_sees_who_is_here_only_superusers_addresses_sign_ins_and_tokens(
    people: People, boss: Client, client: Client
) -> None:
    User.objects.filter(pk=people.qa.pk).update(email="qa@example.org", last_login=clock.now())
    create_token(Actor.person(people.qa), "autotests", ["read"])
    client.force_login(people.viewer)
    for address in ("/people/", f"/people/{people.qa.pk}/"):
        seen, shown = page(client, address), page(boss, address)
        for secret in ("qa@example.org", "Last sign-in", "API tokens that work", "?everybody", "Switch off"):
            assert secret not in seen
        assert "qa@example.org" in shown
        assert "Last sign-in" in shown
        assert "/tokens/?everybody&amp;owner=qa" in shown
    assert len(names(page(client))) == 6


def test_addresses_are_not_found_out_by_searching(people: People, boss: Client, client: Client) -> None:
    User.objects.filter(pk=people.qa.pk).update(email="quality@example.org")
    client.force_login(people.manager)
    assert names(page(client, "/people/?q=quality%40")) == []
    assert names(page(boss, "/people/?q=quality%40")) == ["Qa"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=MANA", ["Manager", "Other Manager"]),
        ("?q=other+manager", ["Other Manager"]),
        ("?role=developer", ["Developer"]),
        ("?role=manager&q=zzz", []),
        ("?state=off", ["Viewer"]),
        ("?state=all&q=viewer", ["Viewer"]),
        ("?role=god&state=%00&page=x&q=%00viewer", []),
        ("?q=%ED%A0%80", []),
        ("?q=%25", []),
    ],
)
def test_the_list_is_narrowed(people: People, boss: Client, query: str, found: list[str]) -> None:
    switch_person(Actor.person(people.superuser), people.viewer.pk, revision=1, is_active=False)
    assert names(page(boss, f"/people/{query}")) == found


def test_typing_asks_for_the_results_alone(people: People, boss: Client) -> None:
    answer = boss.get("/people/?q=qa", headers={"HX-Request": "true", "HX-Target": "results"})
    text = answer.content.decode()
    assert "<main" not in text
    assert names(text) == ["Qa"]


def test_tests_are_counted_as_far_as_the_reader_may_know_of_them(
    people: People, warehouse: object, boss: Client, client: Client
) -> None:
    mia = Actor.person(people.manager)
    make_experiment(mia, Status.RUNNING, key="button")
    make_draft(mia, key="secret_idea")
    client.force_login(people.other_manager)
    address = f"/people/{people.manager.pk}/"
    assert 'href="/tests/?manager=manager">2<' in page(boss)
    assert 'href="/tests/?manager=manager">1<' in page(client)
    assert "secret_idea" in page(boss, address)
    assert "secret_idea" not in page(client, address)
    assert "no other manager" in page(client, address)


def test_who_is_added_gets_a_link_that_is_shown_once(
    people: People, boss: Client, client: Client, settings: Settings
) -> None:
    answer = boss.post("/new/person/", TYPED)
    text = answer.content.decode()
    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    assert "No mail server is set up" in text
    (link,) = re.findall(r'<code id="link">http://testserver([^<]+)</code>', text)
    assert client.get(link)["Location"] == "/choose-password/"
    yuki = User.objects.get(username="yuki")
    assert "invited" in page(boss, f"/people/{yuki.pk}/")
    assert link not in page(boss, f"/people/{yuki.pk}/")
    settings.EMAIL_HOST = "mail.example.org"
    again = boss.post(f"/people/{yuki.pk}/link/").content.decode()
    assert "It is mailed to yuki@example.org, too." in again
    assert client.get(link).status_code == 410
    with clock.frozen_at(clock.now() + dt.timedelta(days=4)):
        assert "waits for a link" in page(boss, f"/people/{yuki.pk}/")


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(people: People, boss: Client) -> None:
    hostile = '"><script>alert(1)</script>'
    answer = boss.post("/new/person/", {"username": "viewer", "name": hostile, "email": "x", "role": "god"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "god is not one of the available choices" in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert User.objects.count() == 6
    boss.post("/new/person/", TYPED | {"name": hostile})
    assert "<script>alert" not in page(boss) + page(boss, f"/people/{User.objects.get(username='yuki').pk}/")


def test_two_superusers_change_somebody_at_once(people: People, boss: Client) -> None:
    address = f"/people/{people.viewer.pk}/edit/"
    mine = {"revision": "1", "name": "Vera", "email": "", "role": "viewer"}
    assert boss.post(address, mine | {"name": "Victor"}).status_code == 302
    late = boss.post(address, mine)
    text = late.content.decode()
    assert late.status_code == 409
    assert "was changed in the meantime" in text
    # What was typed stays, and saving now is meant.
    assert 'value="Vera"' in text
    assert 'name="revision" value="2"' in " ".join(text.split())
    assert boss.post(address, mine | {"revision": "2"}).status_code == 302
    assert str(User.objects.get(pk=people.viewer.pk)) == "Vera"
    assert boss.post(f"/people/{people.viewer.pk}/switch/off/", {"revision": "1"}).status_code == 409


def test_ones_own_page_offers_no_way_out(people: People, boss: Client) -> None:
    me = f"/people/{people.superuser.pk}/"
    assert "only another superuser" in page(boss, me)
    assert "/switch/off/" not in page(boss, me)
    assert boss.post(f"{me}switch/off/", {"revision": "1"}).status_code == 409
    kept = {"revision": "1", "name": "Sue", "email": "", "role": "viewer"}
    answer = boss.post(f"{me}edit/", kept)
    assert (answer.status_code, "from yourself" in answer.content.decode()) == (422, True)


def test_switching_off_says_what_it_does_before_and_after(
    people: People, warehouse: object, boss: Client
) -> None:
    make_experiment(Actor.person(people.manager), Status.RUNNING, key="button")
    create_token(Actor.person(people.manager), "shop", ["read"])
    address = f"/people/{people.manager.pk}/"
    before = page(boss, address)
    assert "1 API token of theirs stops working" in before
    assert "1 test or user group has no other manager" in before
    after = boss.post(f"{address}switch/off/", {"revision": "1"}, follow=True).content.decode()
    assert "Manager is signed out everywhere and cannot sign in" in after
    assert "those without another manager only superusers can change now" in after
    back = boss.post(f"{address}switch/on/", {"revision": "2"}, follow=True).content.decode()
    assert "Manager may sign in again" in back


@pytest.mark.parametrize("person_id", ["0", "999999", "9" * 30])
@pytest.mark.parametrize("rest", ["", "edit/"])
def test_somebody_who_is_not_there(boss: Client, person_id: str, rest: str) -> None:
    assert boss.get(f"/people/{person_id}/{rest}").status_code == 404
    assert boss.post(f"/people/{person_id}/link/").status_code == 404


def test_the_list_asks_as_much_for_sixty_as_for_six(people: People, boss: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page(boss)
        return len(asked)

    few = queries()
    for number in range(54):
        make_link(
            Actor.person(people.superuser),
            add_person(
                Actor.person(people.superuser), username=f"p{number}", name="P", email="", role="viewer"
            ).pk,
            by_mail=False,
        )
    assert queries() == few


def test_tokens_of_one_person(people: People, boss: Client, client: Client) -> None:
    create_token(Actor.person(people.qa), "autotests", ["read"])
    create_token(Actor.person(people.developer), "checkout", ["read"])
    text = page(boss, "/tokens/?everybody&owner=qa")
    assert ("autotests" in text, "checkout" in text, "Tokens of Qa" in text) == (True, False, True)
    assert "checkout" in page(boss, "/tokens/?everybody&owner=%00")
    client.force_login(people.viewer)
    assert "autotests" not in page(client, "/tokens/?everybody&owner=qa")
