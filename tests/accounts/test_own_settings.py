"""What people set for themselves, and the languages before anybody is signed in."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.forms_mine import OwnPasswordForm
from accounts.models import User
from accounts.own_settings import save_own_password
from core import clock
from tests.conftest import People

FORM = {"language": "ja", "time_zone": "Asia/Tokyo", "email": "mia@example.org"}


@pytest.fixture
def browser(people: People, client: Client) -> Client:
    client.force_login(people.manager)
    return client


def test_language_zone_and_address_are_saved_and_the_answer_is_in_the_language(
    browser: Client, people: People
) -> None:
    browser.cookies["language"] = "ko"
    answer = browser.post("/me/", FORM)
    assert (answer.status_code, answer.cookies["language"].value) == (302, "")
    saved = User.objects.get(pk=people.manager.pk)
    assert {name: getattr(saved, name) for name in FORM} == FORM
    assert browser.get("/me/").headers["Content-Language"] == "ja"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("language", "tlh"),
        ("time_zone", "../../etc/passwd"),
        ("email", "nobody"),
        ("email", "a\x00@example.org"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_saved(
    browser: Client, people: People, field: str, value: str
) -> None:
    answer = browser.post("/me/", FORM | {field: value})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert User.objects.get(pk=people.manager.pk).language == ""


def test_a_new_password_ends_every_other_session(browser: Client, people: People, password: str) -> None:
    elsewhere = Client()
    elsewhere.force_login(people.manager)
    new = "another-good-long-password"
    form = {"old_password": password, "new_password1": new, "new_password2": new}
    assert browser.post("/me/password/", form).status_code == 302
    assert browser.get("/me/").status_code == 200
    assert elsewhere.get("/me/").status_code == 302
    assert User.objects.get(pk=people.manager.pk).check_password(new)


def test_a_new_password_does_not_switch_on_again_who_was_switched_off_meanwhile(
    browser: Client, people: People, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A superuser is faster than the form, which holds the account as it was."""
    switched_off = User.objects.filter(pk=people.manager.pk)
    checked = OwnPasswordForm.clean

    def slow(form: OwnPasswordForm) -> dict[str, object] | None:
        switched_off.update(is_active=False, role="viewer")
        return checked(form)

    monkeypatch.setattr(OwnPasswordForm, "clean", slow)
    new = "another-good-long-password"
    form = {"old_password": password, "new_password1": new, "new_password2": new}
    assert browser.post("/me/password/", form).status_code == 403
    saved = switched_off.get()
    assert (saved.is_active, saved.role, saved.check_password(password)) == (False, "viewer", True)


def test_a_new_password_leaves_what_a_superuser_changed_meanwhile(people: People) -> None:
    User.objects.filter(pk=people.manager.pk).update(role="viewer", link_made_at=clock.now())
    save_own_password(people.manager, "another-good-long-password")
    saved = User.objects.get(pk=people.manager.pk)
    assert (saved.role, saved.link_made_at) == ("viewer", None)


def test_who_does_not_know_the_password_cannot_guess_it_in_an_open_session(browser: Client) -> None:
    form = {"old_password": "guess", "new_password1": "12345", "new_password2": "54321"}
    answers = [browser.post("/me/password/", form).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_the_sign_in_page_speaks_the_language_that_is_chosen_on_it(client: Client, db: None) -> None:
    page = client.get("/login/?next=/tests/", headers={"Accept-Language": "ko"})
    assert '<html lang="ko"' in page.content.decode()
    answer = client.post("/language/", {"language": "ja", "next": "/login/?next=/tests/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=/tests/")
    page = client.get("/login/?next=/tests/", headers={"Accept-Language": "ko"})
    assert '<html lang="ja"' in page.content.decode()


def test_choosing_a_language_leads_to_no_other_site_and_needs_the_form_of_this_one(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/language/", {"language": "ja"}).status_code == 403
    page = Client()
    answer = page.post("/language/", {"language": "<b>", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"
    assert "language" not in answer.cookies
