"""Any ASGI application: the split in its state, the cookie in its answer; WebSockets too."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from usersplit_sdk import AsyncClient, Client, User
from usersplit_sdk.bound import Split, current_split
from usersplit_sdk.integrations.asgi import SplitMiddleware
from usersplit_sdk.integrations.guests import Guest, GuestCookie, HmacSigner

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
}
COOKIE = GuestCookie(HmacSigner("a secret"))
START = {"http": "http.response.start", "websocket": "websocket.accept"}
PLAIN = [(b"Content-Type", b"text/html")]
App = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


async def button(scope: Any, receive: Any, send: Any) -> None:
    split: Split = scope["state"]["split"]
    assert current_split() is split
    variant = str(await asyncio.to_thread(lambda: current_split() and split.variant("green_button")))
    await send({"type": START[scope["type"]], "status": 200, "headers": [(b"vary", b"*")]})
    await send({"type": "http.response.body", "body": variant.encode()})


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": b"no test here"})


async def late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send(
        {"type": "http.response.body", "body": str(scope["state"]["split"].variant("green_button")).encode()}
    )


def ask(app: App, cookie: str = "", **scope: Any) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The body and the headers."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> None:
        raise AssertionError("nothing is read")

    headers = [(b"Cookie", part.encode()) for part in cookie.split(";")]
    asyncio.run(app({"type": "http", "scheme": "http", "headers": headers, **scope}, receive, send))
    return sent[1]["body"], sent[0].get("headers", [])


def wrapped(app: App, **options: Any) -> App:
    return SplitMiddleware(app, Client.from_documents([TEST]), secret="a secret", **options)


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_guest_keeps_the_variant(kind: str) -> None:
    app = wrapped(button)
    body, headers = ask(app, type=kind)
    assert (b"vary", b"*") in headers
    [cookie] = [value for name, value in headers if name == b"set-cookie"]
    assert cookie.endswith(b"; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly")
    again, headers = ask(app, f"other=1; {cookie.decode().partition(';')[0]}", type=kind)
    assert (again, headers) == (body, [(b"vary", b"*")])


def test_an_answer_that_makes_a_guest_is_for_one_browser() -> None:
    assert (b"cache-control", b"private") in ask(wrapped(button))[1]


def test_a_cookie_decides_and_a_forged_one_is_replaced() -> None:
    app = wrapped(button)
    assert ask(app, f"usersplit={COOKIE.value_of(Guest(2000, None))}")[0] == b"green"
    assert ask(app, f"usersplit={COOKIE.value_of(Guest(5, None))}")[0] == b"control"
    assert b"set-cookie" in dict(ask(app, "usersplit=2000:forged")[1])


def test_a_cookie_of_another_subdomain_does_not_hide_ours_and_an_old_one_is_sent_again() -> None:
    app, ours = wrapped(button), COOKIE.value_of(Guest(2000, None))
    for cookies in (f"usersplit={ours}; usersplit=5:forged", f"usersplit=5:forged; usersplit={ours}"):
        body, headers = ask(app, cookies)
        assert (body, b"set-cookie" in dict(headers)) == (b"green", False)
    body, headers = ask(app, f"usersplit={HmacSigner('a secret').sign('2000.device~1')}")
    again = dict(headers)[b"set-cookie"].decode()
    assert (body, again.endswith("; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly")) == (b"green", True)
    assert COOKIE.read([again.partition("=")[2].partition(";")[0]]) == Guest(2000, "device")


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_https_makes_the_cookie_secure(scheme: str) -> None:
    assert dict(ask(wrapped(button), scheme=scheme)[1])[b"set-cookie"].endswith(b"; Secure")


def test_a_page_without_tests_is_left_alone() -> None:
    assert ask(wrapped(plain))[1] is PLAIN


def test_a_number_that_cannot_be_kept_is_not_drawn() -> None:
    assert ask(wrapped(late)) == (b"None", [])
    assert ask(wrapped(late), f"usersplit={COOKIE.value_of(Guest(2000, None))}")[0] == b"green"


def test_a_client_that_is_awaited_is_refused_at_start() -> None:
    with pytest.raises(TypeError, match=r"AsyncClient give its \.client"):
        SplitMiddleware(plain, AsyncClient.from_documents([TEST]), secret="a secret")  # type: ignore[arg-type]


def test_the_lifespan_passes() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    asyncio.run(wrapped(app)({"type": "lifespan"}, None, None))
    assert seen == [{"type": "lifespan"}]


def test_a_user_who_has_to_be_awaited(caplog: pytest.LogCaptureFixture) -> None:
    async def read_user(scope: Any) -> User:
        await asyncio.sleep(0)
        return User("mia", 5)

    async def awaiting(scope: Any, receive: Any, send: Any) -> None:
        await scope["state"]["split"].aload()
        await button(scope, receive, send)

    assert ask(wrapped(awaiting, user=read_user))[0] == b"control"
    assert caplog.text == ""
    assert ask(wrapped(button, user=read_user))[0] == b"None"
    assert "ask for the split with await" in caplog.text


def test_a_user_who_cannot_be_awaited_costs_variants_not_answers(caplog: pytest.LogCaptureFixture) -> None:
    async def read_user(scope: Any) -> User:
        raise LookupError("it is down")

    async def awaiting(scope: Any, receive: Any, send: Any) -> None:
        await scope["state"]["split"].aload()
        await button(scope, receive, send)

    assert ask(wrapped(awaiting, user=read_user)) == (b"None", [(b"vary", b"*")])
    assert "it is down" in caplog.text
