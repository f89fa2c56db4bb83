"""The search finds whatever the reader may open, the best first; the side bar shows the same pages."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import User
from console.navigation import pages_for, present_entry, sections_for
from console.search import search
from tests.conftest import People
from tests.factories import make_draft


def _found(person: User, text: str) -> dict[str, list[str]]:
    return {group.title: [row.label for row in group.rows] for group in search(Actor.person(person), text)}


def test_what_is_called_so_comes_before_what_only_mentions_it(people: People) -> None:
    superuser = Actor.person(people.superuser)
    make_draft(superuser, key="button_colour", name="Green, as is the button")
    make_draft(superuser, key="button", name="Plain")
    make_draft(superuser, key="other", name="Other", area="button")
    make_draft(superuser, key="pay", name="Pay", jira_issue="BUTTON-1")
    make_draft(superuser, key="button_fans", kind="group", name="Fans")
    found = _found(people.superuser, "  BUTTON ")
    assert found["Tests"] == ["Plain", "Green, as is the button", "Pay", "Other"]
    assert found["User groups"] == ["Fans"]
    assert _found(people.superuser, "green button")["Tests"] == ["Green, as is the button"]


def test_drafts_of_others_are_not_found(people: People) -> None:
    make_draft(Actor.person(people.other_manager), key="secret_idea")
    assert "Tests" not in _found(people.manager, "secret")
    assert "Tests" in _found(people.other_manager, "secret")
    assert "Tests" in _found(people.superuser, "secret")


def test_people_lead_to_their_tests_or_to_what_they_did(people: People) -> None:
    groups = {group.title: group.rows for group in search(Actor.person(people.viewer), "manager")}
    assert [row.address for row in groups["People"]] == [
        "/tests/?manager=manager",
        "/tests/?manager=other_manager",
    ]
    (row,) = search(Actor.person(people.viewer), "Developer")[0].rows
    assert row.address == "/changelog/?person=developer"


def test_pages_are_found_by_what_people_call_them_and_only_by_those_who_may_open_them(people: People) -> None:
    assert _found(people.viewer, "audit")["Pages"] == ["Changelog"]
    assert _found(people.superuser, "warehouse")["Pages"] == ["User loads"]
    assert "Pages" not in _found(people.manager, "warehouse")
    assert "Home" in _found(people.viewer, "")["Pages"]


def test_the_help_is_found_by_titles_before_headings_before_texts(people: People) -> None:
    (group,) = [one for one in search(Actor.person(people.viewer), "CODE") if one.title == "Help"]
    assert group.has_more
    called_so = ["code" in row.label.lower() for row in group.rows]
    assert called_so[0]
    assert called_so == sorted(called_so, reverse=True)
    rows = search(Actor.person(people.viewer), "shares do not fit")[-1].rows
    assert rows[0].address == "/help/hits/#the-shares-do-not-fit"
    assert _found(people.viewer, "no-such-words-anywhere-at-all") == {}


def test_what_looks_like_a_user_can_be_checked(people: People) -> None:
    (group,) = [one for one in search(Actor.person(people.qa), "a&b=4711") if one.title == "Users"]
    assert [row.address for row in group.rows] == ["/check/?user_id=a%26b%3D4711"]


@pytest.mark.parametrize(
    "text", ["%", "'; --", "<script>alert(1)</script>", "\x00", "a " * 500, "\\", "é" * 99]
)
def test_odd_words_are_words(people: People, text: str) -> None:
    browser = Client()
    browser.force_login(people.viewer)
    for headers in ({}, {"HX-Request": "true"}):
        answer = browser.get("/search/", {"q": text}, headers=headers)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()


def test_many_tests_are_cut_off_and_cost_no_more_queries(people: People) -> None:
    superuser = Actor.person(people.superuser)
    make_draft(superuser, key="one_of_many")
    with CaptureQueriesContext(connection) as few:
        search(superuser, "many")
    for number in range(12):
        make_draft(superuser, key=f"of_many_{number}")
    with CaptureQueriesContext(connection) as many:
        group = search(superuser, "many")[0]
    assert len(group.rows) == 8
    assert group.has_more
    assert len(many) == len(few)


def test_the_side_bar_marks_the_page_that_one_is_on(people: People) -> None:
    marked = {
        path: present_entry(people.viewer, path)
        for path in ("/", "/tests/button/", "/groups/", "/forced/many/", "/search/")
    }
    assert {path: entry.label if entry else "" for path, entry in marked.items()} == {
        "/": "Home",
        "/tests/button/": "Tests",
        "/groups/": "User groups",
        "/forced/many/": "Forced users",
        "/search/": "",
    }


def test_every_page_of_the_side_bar_opens_for_whoever_sees_it(people: People) -> None:
    for person in (people.superuser, people.viewer):
        browser = Client()
        browser.force_login(person)
        answers = {entry.address: browser.get(entry.address).status_code for entry in pages_for(person)}
        assert set(answers.values()) == {200}, answers


def test_no_two_pages_share_a_key(people: People) -> None:
    entries = [entry for section in sections_for(people.superuser) for entry in section.entries]
    keys = [entry.key for entry in entries if entry.key]
    assert len(keys) == len(set(keys))
