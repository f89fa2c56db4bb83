"""UserSplit in Starlette and FastAPI.

    app.add_middleware(SplitMiddleware, client=client, secret="…", user=read_user)

    @app.get("/")                                                     # FastAPI
    async def shop(split: Annotated[Split, Depends(get_split)]) -> …:
        split.variant("green_button")

    async def shop(request: Request) -> Response:                     # Starlette
        split = await get_split(request)

Middleware that is added later runs earlier: add the one that knows the user after this one.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import HTTPConnection

from usersplit_sdk.bound import Split
from usersplit_sdk.client import Client
from usersplit_sdk.integrations.asgi import ASGIApp, ConnectionMiddleware
from usersplit_sdk.integrations.guests import GuestCookie, HmacSigner
from usersplit_sdk.integrations.web import (
    ReadEnvironment,
    ReadLanguage,
    ReadUser,
    WebSplit,
    browser_attributes,
    nobody_known,
)
from usersplit_sdk.model import Environment


def read_environment(connection: HTTPConnection) -> Environment:
    """User agent, language and, for browsers, platform."""
    return Environment(attributes=browser_attributes(connection.headers))


class SplitMiddleware(ConnectionMiddleware[HTTPConnection]):
    """Gives connections a ``state.split``, and guests the cookie that keeps their split group.

    ``secret`` signs the cookie; in a list of several the first signs and all are read. ``cookie`` instead of it says
    everything about the cookie. Without ``user`` everybody is a guest. ``user`` may be a coroutine function, where
    it has to ask a database; the split then is had with ``get_split``.
    """

    def __init__(
        self,
        app: ASGIApp,
        client: Client,
        *,
        secret: str | bytes | Sequence[str | bytes] = "",
        user: ReadUser[HTTPConnection] = nobody_known,
        environment: ReadEnvironment[HTTPConnection] = read_environment,
        language: ReadLanguage[HTTPConnection] | None = None,
        cookie: GuestCookie | None = None,
    ) -> None:
        super().__init__(
            app,
            client,
            connection_of=HTTPConnection,
            cookie=cookie or GuestCookie(HmacSigner(secret)),
            user=user,
            environment=environment,
            language=language,
        )


async def get_split(request: HTTPConnection) -> Split:
    """The split of a request or a WebSocket, its user read; a FastAPI dependency."""
    split: WebSplit[HTTPConnection] = request.state.split
    return await split.aload()
