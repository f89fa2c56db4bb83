"""UserSplit in any WSGI application.

    application = SplitMiddleware(application, client, secret="…", user=read_user)

The application finds the split in ``environ["usersplit.split"]``; code that runs until it has answered finds it
with ``current_split()`` too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from usersplit_sdk.bound import checked_client, use_split
from usersplit_sdk.client import Client
from usersplit_sdk.integrations.guests import GuestCookie, HmacSigner, cookie_values
from usersplit_sdk.integrations.web import (
    Browser,
    ReadEnvironment,
    ReadLanguage,
    ReadUser,
    WebSplit,
    browser_attributes,
    nobody_known,
    vary_and_cookie,
)
from usersplit_sdk.model import Environment

WSGIEnvironment = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WSGIApplication = Callable[[WSGIEnvironment, Any], Iterable[bytes]]

KEY = "usersplit.split"


class EnvironHeaders:
    """The headers of a WSGI environment, in whatever case they are asked for."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def get(self, name: str, /) -> str | None:
        """The header's value, None without it."""
        return self._environ.get(f"HTTP_{name.upper().replace('-', '_')}")


def read_environment(environ: WSGIEnvironment) -> Environment:
    """User agent, language and, for browsers, platform."""
    return Environment(attributes=browser_attributes(EnvironHeaders(environ)))


class SplitMiddleware:
    """Gives requests a split, and guests the cookie that keeps their split group.

    ``secret`` signs the cookie; in a list of several the first signs and all are read. ``cookie`` instead of it says
    everything about the cookie. Without ``user`` everybody is a guest.
    """

    def __init__(
        self,
        app: WSGIApplication,
        client: Client,
        *,
        secret: str | bytes | Sequence[str | bytes] = "",
        user: ReadUser[WSGIEnvironment] = nobody_known,
        environment: ReadEnvironment[WSGIEnvironment] = read_environment,
        language: ReadLanguage[WSGIEnvironment] | None = None,
        cookie: GuestCookie | None = None,
    ) -> None:
        self._app = app
        self._client = checked_client(client)
        self._read_user = user
        self._read_environment = environment
        self._read_language = language
        self._cookie = cookie or GuestCookie(HmacSigner(secret))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        split = environ[KEY] = WebSplit(
            self._client,
            environ,
            Browser(self._cookie, lambda: cookie_values(environ.get("HTTP_COOKIE", ""), self._cookie.name)),
            read_user=self._read_user,
            read_environment=self._read_environment,
            read_language=self._read_language,
        )
        https = environ.get("wsgi.url_scheme") == "https"

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
            return start_response(status, vary_and_cookie(headers, split.browser, https=https), *exc_info)

        with use_split(split):
            return self._app(environ, start)
