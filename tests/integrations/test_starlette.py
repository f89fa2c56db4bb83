"""Starlette and FastAPI: the split in the request's state, and as a dependency."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from tests.integrations.files import CONTROL, GREEN, a_client
from usersplit_sdk import User
from usersplit_sdk.bound import Split, current_split
from usersplit_sdk.integrations.guests import Guest, GuestCookie, HmacSigner
from usersplit_sdk.integrations.starlette import SplitMiddleware, get_split

SECRET = "a secret"


class ByHeader(AuthenticationBackend):
    """The user is the one whom a header names."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        name = conn.headers.get("X-User")
        return (AuthCredentials(), SimpleUser(name)) if name else None


def read_user(connection: HTTPConnection) -> User | None:
    return User(connection.user.username, CONTROL) if connection.user.is_authenticated else None


async def read_user_slowly(connection: HTTPConnection) -> User | None:
    return read_user(connection)


async def button(request: Request) -> PlainTextResponse:
    split = await get_split(request)
    assert request.state.split is current_split() is split
    return PlainTextResponse(str(split.variant("green_button")))


def sync_button(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(request.state.split.variant("green_button")))


async def plain(request: Request) -> PlainTextResponse:
    return PlainTextResponse("no test here")


async def socket(socket: WebSocket) -> None:
    variant = (await get_split(socket)).variant("green_button")
    await socket.accept()
    await socket.send_text(str(variant))
    await socket.close()


def starlette_app(reader: object) -> ASGIApp:
    return Starlette(
        routes=[
            Route("/button", button),
            Route("/sync", sync_button),
            Route("/plain", plain),
            WebSocketRoute("/socket", socket),
        ],
        middleware=[
            Middleware(AuthenticationMiddleware, backend=ByHeader()),
            Middleware(SplitMiddleware, client=a_client()[0], secret=SECRET, user=reader),  # type: ignore[arg-type]
        ],
    )


def fastapi_app(reader: object) -> ASGIApp:
    app = FastAPI()
    app.add_middleware(SplitMiddleware, client=a_client()[0], secret=SECRET, user=reader)  # type: ignore[arg-type]
    app.add_middleware(AuthenticationMiddleware, backend=ByHeader())

    @app.get("/button", response_class=PlainTextResponse)
    async def button(split: Annotated[Split, Depends(get_split)]) -> str:
        return str(split.variant("green_button"))

    @app.get("/sync", response_class=PlainTextResponse)
    def sync_button(split: Annotated[Split, Depends(get_split)]) -> str:
        assert current_split() is split
        return str(split.variant("green_button"))

    @app.get("/plain", response_class=PlainTextResponse)
    async def plain() -> str:
        return "no test here"

    @app.websocket("/socket")
    async def socket(socket: WebSocket, split: Annotated[Split, Depends(get_split)]) -> None:
        await socket.accept()
        await socket.send_text(str(split.variant("green_button")))
        await socket.close()

    return app


@pytest.fixture(params=[starlette_app, fastapi_app], ids=["starlette", "fastapi"])
def app(request: pytest.FixtureRequest) -> ASGIApp:
    made: ASGIApp = request.param(read_user)
    return made


def kept(split_group: int) -> dict[str, str]:
    return {"usersplit": GuestCookie(HmacSigner(SECRET)).value_of(Guest(split_group, None))}


@pytest.mark.parametrize("path", ["/button", "/sync"])
def test_a_guest_keeps_the_variant(app: ASGIApp, path: str) -> None:
    browser = TestClient(app)
    first = browser.get(path)
    assert first.headers["set-cookie"].endswith("; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly")
    assert first.headers["vary"] == "Cookie"
    again = browser.get(path)
    assert again.text == first.text
    assert "set-cookie" not in again.headers
    assert again.headers["vary"] == "Cookie"


def test_a_page_without_tests_knows_of_no_cookie(app: ASGIApp) -> None:
    assert {"set-cookie", "vary"}.isdisjoint(TestClient(app).get("/plain").headers)


def test_a_cookie_decides_and_a_forged_one_is_replaced(app: ASGIApp) -> None:
    assert TestClient(app, cookies=kept(CONTROL)).get("/button").text == "control"
    assert TestClient(app, cookies=kept(GREEN)).get("/button").text == "<green>"
    assert "set-cookie" in TestClient(app, cookies={"usersplit": "2000:forged"}).get("/button").headers


def test_guests_and_users_of_one_browser(app: ASGIApp) -> None:
    browser = TestClient(app, cookies=kept(GREEN))
    answers = [browser.get("/button", headers=headers).text for headers in ({}, {"X-User": "mia"}, {})]
    assert answers == ["<green>", "control", "<green>"]


def test_https_makes_the_cookie_secure(app: ASGIApp) -> None:
    cookie = TestClient(app, base_url="https://testserver").get("/button").headers["set-cookie"]
    assert cookie.endswith("; Secure")


def test_websockets_have_a_split(app: ASGIApp) -> None:
    with TestClient(app, cookies=kept(GREEN)).websocket_connect("/socket") as connection:
        assert connection.receive_text() == "<green>"


@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
def test_a_user_who_has_to_be_awaited(make: object) -> None:
    assert callable(make)
    browser = TestClient(make(read_user_slowly), cookies=kept(GREEN))
    assert browser.get("/button", headers={"X-User": "mia"}).text == "control"
    assert browser.get("/button").text == "<green>"
