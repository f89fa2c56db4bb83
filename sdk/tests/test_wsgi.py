"""Any WSGI application: the split in its environment, the cookie in its answer."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from usersplit_sdk import Client, Environment, User
from usersplit_sdk.bound import Split, current_split
from usersplit_sdk.integrations.guests import Guest, GuestCookie, HmacSigner
from usersplit_sdk.integrations.web import preferred_language
from usersplit_sdk.integrations.wsgi import SplitMiddleware
from usersplit_sdk.texts import Texts

TEST: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [],
    "variants": [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "green", "split_groups": [[1201, 2400]]},
    ],
    "tokens": {"pay_button": {"green": {"en": "Get it"}, "control": {"en": "Get it"}}},
}
COOKIE = GuestCookie(HmacSigner("a secret"))
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def button(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    split: Split = environ["usersplit.split"]
    assert current_split() is split
    body = str(split.variant("green_button")).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("vary", "Accept"), ("Set-Cookie", "theirs=1")])
    return [body]


def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"no test here"]


def late(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield str(environ["usersplit.split"].variant("green_button")).encode()


def ask(app: App, cookie: str = "", **environ: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The body and the headers."""
    started: list[list[tuple[str, str]]] = []
    request: dict[str, Any] = {"HTTP_COOKIE": cookie, **environ}
    setup_testing_defaults(request)
    body = b"".join(app(request, lambda status, headers, exc_info=None: started.append(headers)))
    return body, started[0]


def wrapped(app: App, **options: Any) -> App:
    wsgi: Any = SplitMiddleware(app, Client.from_documents([TEST]), secret="a secret", **options)
    return wsgi  # type: ignore[no-any-return]


def test_a_guest_keeps_the_variant() -> None:
    app = wrapped(button)
    body, headers = ask(app)
    assert ("Vary", "Accept, Cookie") in headers
    assert ("Set-Cookie", "theirs=1") in headers
    [cookie] = [value for name, value in headers if value.startswith("usersplit=")]
    assert cookie.endswith("; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly")
    again, headers = ask(app, f"other=1; {cookie.partition(';')[0]}")
    assert again == body
    assert [name for name, value in headers if value.startswith("usersplit=")] == []
    assert ("Vary", "Accept, Cookie") in headers


def test_a_cookie_decides_and_a_forged_one_is_replaced() -> None:
    app = wrapped(button)
    assert ask(app, f"usersplit={COOKIE.value_of(Guest(2000, None))}")[0] == b"green"
    assert ask(app, f"usersplit={COOKIE.value_of(Guest(5, None))}")[0] == b"control"
    headers = ask(app, "usersplit=2000:forged")[1]
    assert [name for name, value in headers if value.startswith("usersplit=")] == ["Set-Cookie"]


def test_a_cookie_of_another_subdomain_does_not_hide_ours_and_an_old_one_is_sent_again() -> None:
    app, ours = wrapped(button), COOKIE.value_of(Guest(2000, None))
    for cookies in (f"usersplit={ours}; usersplit=5:forged", f"usersplit=5:forged; usersplit={ours}"):
        body, headers = ask(app, cookies)
        assert (body, [value for _, value in headers if value.startswith("usersplit=")]) == (b"green", [])
    body, headers = ask(app, f"usersplit={HmacSigner('a secret').sign('2000.device~1')}")
    [again] = [value for _, value in headers if value.startswith("usersplit=")]
    assert (body, again.endswith("; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly")) == (b"green", True)
    assert COOKIE.read([again.partition("=")[2].partition(";")[0]]) == Guest(2000, "device")


def test_https_makes_the_cookie_secure() -> None:
    headers = ask(wrapped(button), **{"wsgi.url_scheme": "https"})[1]
    assert [value for _, value in headers if value.endswith("; Secure")]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], "private"),
        (["max-age=60"], "max-age=60, private"),
        (["Public, max-age=60, s-maxage=9"], "max-age=60, private"),
        (["public", "no-cache"], "no-cache, private"),
        (["private"], "private"),
        (['private="X-A, X-B", no-cache="X-C, X-D", max-age=1'], 'no-cache="X-C, X-D", max-age=1, private'),
    ],
)
def test_an_answer_that_makes_a_guest_is_for_one_browser(given: list[str], sent: str) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["usersplit.split"].variant("green_button")
        start_response("200 OK", [("cache-control", value) for value in given])
        return [b""]

    _, headers = ask(wrapped(app))
    assert [value for name, value in headers if name.lower() == "cache-control"] == [sent]
    _, headers = ask(wrapped(app), f"usersplit={COOKIE.value_of(Guest(5, None))}")
    assert [value for name, value in headers if name.lower() == "cache-control"] == given


def test_a_page_without_tests_is_left_alone() -> None:
    assert ask(wrapped(plain))[1] == [("Content-Type", "text/plain")]


@pytest.mark.parametrize(("message", "asks"), [("Buy", False), ("pay_button", True)])
def test_only_messages_that_are_tested_are_questions(message: str, asks: bool) -> None:
    texts = Texts(lambda text: text)

    def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = texts.gettext(message).encode()
        start_response("200 OK", [])
        return [body]

    body, headers = ask(wrapped(shop), HTTP_ACCEPT_LANGUAGE="en")
    assert body == (b"Get it" if asks else b"Buy")
    assert bool(headers) is asks


def test_a_number_that_cannot_be_kept_is_not_drawn() -> None:
    assert ask(wrapped(late)) == (b"None", [])
    assert ask(wrapped(late), f"usersplit={COOKIE.value_of(Guest(2000, None))}")[0] == b"green"


def test_users_are_read_from_the_environment_once() -> None:
    asked = []

    def read_user(environ: dict[str, Any]) -> User:
        asked.append(environ["REMOTE_USER"])
        return User(environ["REMOTE_USER"], 5)

    body, headers = ask(
        wrapped(button, user=read_user), f"usersplit={COOKIE.value_of(Guest(2000, None))}", REMOTE_USER="mia"
    )
    assert (body, asked) == (b"control", ["mia"])
    assert [value for _, value in headers if value.startswith("usersplit=")] == []
    _, headers = ask(wrapped(button, user=read_user), REMOTE_USER="mia")
    assert [value for _, value in headers if value.startswith("usersplit=")] == []


def test_an_app_that_sends_its_own_number_and_device_keeps_them() -> None:
    def read_environment(environ: dict[str, Any]) -> Environment:
        return Environment(environ["HTTP_X_DEVICE"], {}, {"green_button"}, int(environ["HTTP_X_GROUP"]))

    seen: list[Environment] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["usersplit.split"].environment)
        start_response("200 OK", [])
        return []

    ours = wrapped(app, environment=read_environment)
    headers = ask(ours, HTTP_X_DEVICE="phone", HTTP_X_GROUP="5")[1]
    assert headers == [("Vary", "Cookie")]
    ask(ours, f"usersplit={COOKIE.value_of(Guest(2000, 'browser'))}", HTTP_X_DEVICE="phone", HTTP_X_GROUP="5")
    assert seen == [Environment("phone", {}, {"green_button"}, 5)] * 2


@pytest.mark.parametrize("broken", ["user", "environment", "language"])
def test_what_fails_in_the_application_costs_variants_not_answers(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(environ: dict[str, Any]) -> None:
        raise LookupError("it is down")

    def text(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["usersplit.split"].text("pay_button", "Buy").encode()]

    assert ask(wrapped(text, **{broken: fail}))[0] == b"Buy"
    assert "it is down" in caplog.text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT", "de-AT"),
        ("fr;q=0.5, de", "de"),
        ("en;q=0.8,fr;q=0.9", "fr"),
        ("en,fr", "en"),
        ("*, de;q=0.1", "de"),
        ("en;q=0", None),
        ("<b>, ;;;, q=1, e", None),
        ("", None),
        (None, None),
        ("x," * 1_000_000 + "de", None),
    ],
)
def test_the_preferred_language(header: str | None, language: str | None) -> None:
    assert preferred_language(header) == language
