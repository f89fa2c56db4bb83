"""UserSplit in any ASGI application; ``starlette`` builds on it.

    application = SplitMiddleware(application, client, secret="…", user=read_user)

The application finds the split in ``scope["state"]["split"]``, and with ``current_split()``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Generic

from usersplit_sdk.bound import checked_client, use_split
from usersplit_sdk.client import Client
from usersplit_sdk.integrations.guests import GuestCookie, HmacSigner, cookie_values
from usersplit_sdk.integrations.web import (
    Browser,
    ReadEnvironment,
    ReadLanguage,
    ReadUser,
    Request,
    WebSplit,
    browser_attributes,
    nobody_known,
    vary_and_cookie,
)
from usersplit_sdk.model import Environment

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class ScopeHeaders:
    """The headers of an ASGI scope, in whatever case they are asked for."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get_all(self, name: str) -> list[str]:
        """The header's values."""
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self._scope["headers"] if key.lower() == wanted]

    def get(self, name: str, /) -> str | None:
        """Its first value, None without one."""
        return next(iter(self.get_all(name)), None)


def read_environment(scope: Scope) -> Environment:
    """User agent, language and, for browsers, platform."""
    return Environment(attributes=browser_attributes(ScopeHeaders(scope)))


class ConnectionMiddleware(Generic[Request]):
    """Gives connections a split, and guests the cookie that keeps their split group.

    What the application's functions are given is made of the scope by ``connection_of``.
    """

    def __init__(
        self,
        app: ASGIApp,
        client: Client,
        *,
        connection_of: Callable[[Scope], Request],
        cookie: GuestCookie,
        user: ReadUser[Request],
        environment: ReadEnvironment[Request],
        language: ReadLanguage[Request] | None,
    ) -> None:
        self._app = app
        self._client = checked_client(client)
        self._connection_of = connection_of
        self._read_user = user
        self._read_environment = environment
        self._read_language = language
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        split = WebSplit(
            self._client,
            self._connection_of(scope),
            Browser(
                self._cookie,
                lambda: cookie_values("; ".join(ScopeHeaders(scope).get_all("cookie")), self._cookie.name),
            ),
            read_user=self._read_user,
            read_environment=self._read_environment,
            read_language=self._read_language,
        )
        scope.setdefault("state", {})["split"] = split
        https = scope.get("scheme") in {"https", "wss"}

        async def answer(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                _add_headers(message, split.browser, https=https)
            await send(message)

        with use_split(split):
            await self._app(scope, receive, answer)


def _add_headers(message: Message, browser: Browser, *, https: bool) -> None:
    browser.answer()
    if not browser.was_asked:
        return
    headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in message.get("headers", ())]
    message["headers"] = [
        (key.lower().encode("latin-1"), value.encode("latin-1"))
        for key, value in vary_and_cookie(headers, browser, https=https)
    ]


class SplitMiddleware(ConnectionMiddleware[Scope]):
    """Gives connections a split, and guests the cookie that keeps their split group.

    ``secret`` signs the cookie; in a list of several the first signs and all are read. ``cookie`` instead of it says
    everything about the cookie. Without ``user`` everybody is a guest. Functions are given the scope.
    """

    def __init__(
        self,
        app: ASGIApp,
        client: Client,
        *,
        secret: str | bytes | Sequence[str | bytes] = "",
        user: ReadUser[Scope] = nobody_known,
        environment: ReadEnvironment[Scope] = read_environment,
        language: ReadLanguage[Scope] | None = None,
        cookie: GuestCookie | None = None,
    ) -> None:
        super().__init__(
            app,
            client,
            connection_of=lambda scope: scope,
            cookie=cookie or GuestCookie(HmacSigner(secret)),
            user=user,
            environment=environment,
            language=language,
        )
