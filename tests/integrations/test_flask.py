"""Flask: `split` in views and templates, and the cookie that keeps a guest's split group."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import flask
import pytest
from flask.testing import FlaskClient

from tests.integrations.files import CONTROL, GREEN, a_client
from usersplit_sdk import Client, User
from usersplit_sdk.bound import current_split
from usersplit_sdk.integrations.flask import UserSplit, split
from usersplit_sdk.integrations.guests import Guest, GuestCookie, HmacSigner

SECRET = "a secret"


def read_user(request: flask.Request) -> User | None:
    number = request.headers.get("X-Split-Group")
    return User("mia", int(number)) if number else None


def an_app(client: Client, **options: object) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    UserSplit(app, client, user=read_user, **options)  # type: ignore[arg-type]

    @app.get("/button")
    def button() -> str:
        current = current_split()
        assert current is not None
        assert current.variant("green_button", log_hit=False) == split.variant("green_button", log_hit=False)
        return str(split.variant("green_button"))

    @app.get("/plain")
    def plain() -> str:
        return "no test here"

    @app.get("/page")
    def page() -> str:
        return flask.render_template_string(flask.request.args["template"])

    @app.get("/stream")
    def stream() -> flask.Response:
        def body() -> Iterator[str]:
            yield str(split.variant("green_button"))

        return flask.Response(flask.stream_with_context(body()))

    return app


@pytest.fixture
def browser() -> FlaskClient:
    return an_app(a_client()[0]).test_client()


def keep(browser: FlaskClient, split_group: int, secret: str = SECRET) -> None:
    browser.set_cookie("usersplit", GuestCookie(HmacSigner(secret)).value_of(Guest(split_group, None)))


def test_a_guest_keeps_the_variant(browser: FlaskClient) -> None:
    first = browser.get("/button")
    assert first.headers["Set-Cookie"].endswith("; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly")
    assert (first.headers["Vary"], first.headers["Cache-Control"]) == ("Cookie", "private")
    again = browser.get("/button")
    assert again.data == first.data
    assert {"Set-Cookie", "Cache-Control"}.isdisjoint(again.headers.keys())
    assert again.headers["Vary"] == "Cookie"
    assert current_split() is None


def test_a_page_without_tests_knows_of_no_cookie(browser: FlaskClient) -> None:
    assert {"Set-Cookie", "Vary"}.isdisjoint(browser.get("/plain").headers.keys())
    assert {"Set-Cookie", "Vary"}.isdisjoint(browser.get("/nowhere").headers.keys())


def test_a_cookie_decides_and_a_forged_one_is_replaced(browser: FlaskClient) -> None:
    for split_group, variant in ((CONTROL, b"control"), (GREEN, b"<green>")):
        keep(browser, split_group)
        assert browser.get("/button").data == variant
    keep(browser, GREEN, "another secret")
    assert "Set-Cookie" in browser.get("/button").headers


def test_cookies_survive_a_new_secret() -> None:
    app = an_app(a_client()[0])
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[SECRET])
    browser = app.test_client()
    keep(browser, GREEN)
    assert "Set-Cookie" not in browser.get("/button").headers


def test_guests_and_users_of_one_browser(browser: FlaskClient) -> None:
    keep(browser, GREEN)
    answers = [
        browser.get("/button", headers=headers).data for headers in ({}, {"X-Split-Group": str(CONTROL)}, {})
    ]
    assert answers == [b"<green>", b"control", b"<green>"]


def test_https_makes_the_cookie_secure(browser: FlaskClient) -> None:
    assert browser.get("/button", base_url="https://localhost").headers["Set-Cookie"].endswith("; Secure")


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("{{ split.variant('green_button') }}", "&lt;green&gt;"),
        ("{{ split.text('pay_button', 'Buy') }}", "Hol es dir"),
        ("{{ split.text('no_token', 'Buy') }}", "Buy"),
        ("{% if split.is_in_group('germans') %}yes{% endif %}", "yes"),
    ],
)
def test_templates_have_the_split(browser: FlaskClient, template: str, page: str) -> None:
    keep(browser, GREEN)
    response = browser.get("/page", query_string={"template": template}, headers={"Accept-Language": "de-AT"})
    assert response.text == page


def test_a_number_that_cannot_be_kept_is_not_drawn(browser: FlaskClient) -> None:
    assert browser.get("/stream").text == "None"
    keep(browser, GREEN)
    assert browser.get("/stream").text == "<green>"


def test_an_application_made_by_a_function() -> None:
    app = flask.Flask(__name__)
    with pytest.raises(TypeError, match="needs a client"):
        UserSplit(app)
    UserSplit(user=read_user).init_app(app, a_client()[0])
    with app.test_request_context(), pytest.raises(RuntimeError, match="SECRET_KEY"):
        split.variant("green_button")
    app.config["SECRET_KEY"] = SECRET
    with app.test_request_context(headers={"X-Split-Group": str(GREEN)}):
        assert split.variant("green_button") == "<green>"


def test_requests_within_one_application_context_are_of_different_people() -> None:
    app = an_app(a_client()[0])
    browser = app.test_client()
    with app.app_context():
        answers = [
            browser.get("/button", headers={"X-Split-Group": str(group)}).data for group in (GREEN, CONTROL)
        ]
    assert answers == [b"<green>", b"control"]
    assert current_split() is None


def test_an_extension_of_two_applications_has_the_client_and_the_secret_of_each() -> None:
    extension = UserSplit(user=read_user)
    answers = []
    for secret, client in (("one", a_client()[0]), ("two", Client.from_documents())):
        app = flask.Flask(secret)
        app.config["SECRET_KEY"] = secret
        extension.init_app(app, client)
        app.add_url_rule("/button", view_func=lambda: str(split.variant("green_button")), endpoint="button")
        browser = app.test_client()
        keep(browser, GREEN, secret)
        answer = browser.get("/button")
        answers.append((answer.text, "Set-Cookie" in answer.headers))
    assert answers == [("<green>", False), ("None", False)]


def test_a_thread_with_a_copy_of_the_context_leaves_no_split_behind() -> None:
    app = an_app(a_client()[0])

    @app.get("/thread")
    def thread() -> str:
        found: list[str | None] = []
        ask = flask.copy_current_request_context(lambda: found.append(split.variant("green_button")))
        worker = threading.Thread(target=ask)
        worker.start()
        worker.join()
        assert current_split() is not None
        return str(found[0])

    assert app.test_client().get("/thread", headers={"X-Split-Group": str(GREEN)}).text == "<green>"
    assert current_split() is None
