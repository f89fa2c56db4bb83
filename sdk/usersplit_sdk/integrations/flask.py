"""UserSplit in Flask.

    UserSplit(app, client, user=read_user)

    @app.route("/")
    def shop() -> str:
        return render_template("shop.html", green=split.variant("green_button") == "green")

Templates have ``split`` too: ``{{ split.text("pay_button", _("Buy")) }}``. A guest's cookie is signed with the
application's ``SECRET_KEY``; ``SECRET_KEY_FALLBACKS`` are still read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import flask
from werkzeug.local import LocalProxy

from usersplit_sdk.bound import Split, bind_split, checked_client
from usersplit_sdk.client import Client
from usersplit_sdk.integrations.guests import GuestCookie, HmacSigner
from usersplit_sdk.integrations.web import (
    Browser,
    ReadEnvironment,
    ReadLanguage,
    ReadUser,
    WebSplit,
    browser_attributes,
    kept_private,
    nobody_known,
)
from usersplit_sdk.model import Environment

_EXTENSION = "usersplit"
_SPLIT = "usersplit.flask"
_OUTER = "usersplit.flask.outer"


def read_environment(request: flask.Request) -> Environment:
    """User agent, language and, for browsers, platform."""
    return Environment(attributes=browser_attributes(request.headers))


class UserSplit:
    """The extension: ``split`` in views and templates, and the cookie that keeps a guest's split group.

    Nothing is read, sent or drawn for a request that asks for no split. Without ``user`` everybody is a guest.
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        client: Client | None = None,
        *,
        user: ReadUser[flask.Request] = nobody_known,
        environment: ReadEnvironment[flask.Request] = read_environment,
        language: ReadLanguage[flask.Request] | None = None,
        cookie: GuestCookie | None = None,
    ) -> None:
        self._client = client
        self._read_user = user
        self._read_environment = environment
        self._read_language = language
        self._cookie = cookie
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask, client: Client | None = None) -> None:
        """Serve an application; for those that are made by a function, the client may come here."""
        client = client or self._client
        if client is None:
            raise TypeError("UserSplit needs a client")
        app.extensions[_EXTENSION] = _Served(self, checked_client(client), self._cookie)
        app.before_request(_bind)
        app.after_request(_answer)
        app.teardown_request(_unbind)
        app.context_processor(lambda: {"split": split})

    def begin(self, request: flask.Request, client: Client, cookie: GuestCookie) -> WebSplit[flask.Request]:
        """The split of a request."""
        return WebSplit(
            client,
            request,
            Browser(cookie, lambda: request.cookies.getlist(cookie.name)),
            read_user=self._read_user,
            read_environment=self._read_environment,
            read_language=self._read_language,
        )


@dataclass(slots=True)
class _Served:
    """What one application has of the extension, which may serve several: each has a secret of its own."""

    extension: UserSplit
    client: Client
    cookie: GuestCookie | None

    def begin(self, request: flask.Request) -> WebSplit[flask.Request]:
        if self.cookie is None:
            # Made at the first request: until then the application may still be configured.
            self.cookie = _cookie_of(flask.current_app)
        return self.extension.begin(request, self.client, self.cookie)


def _cookie_of(app: flask.Flask) -> GuestCookie:
    if not app.secret_key:
        raise RuntimeError("guests' cookies are signed with SECRET_KEY, which is not set")
    return GuestCookie(HmacSigner([app.secret_key, *(app.config.get("SECRET_KEY_FALLBACKS") or ())]))


def _split_of_request() -> WebSplit[flask.Request]:
    # Of the request and not of flask.g, which requests share inside an application context that is open already.
    environ = flask.request.environ
    if _SPLIT not in environ:
        served: _Served = flask.current_app.extensions[_EXTENSION]
        environ[_SPLIT] = served.begin(flask.request)
    return cast(WebSplit[flask.Request], environ[_SPLIT])


split = cast(Split, LocalProxy(_split_of_request))
"""The split of the request at hand."""


def _bind() -> None:
    flask.request.environ[_OUTER] = bind_split(_split_of_request())


def _unbind(_: BaseException | None) -> None:
    environ = flask.request.environ
    if _OUTER in environ:
        # It stays there: a copy of the request's context, in another thread, ends as well and perhaps earlier.
        bind_split(environ[_OUTER])


def _answer(response: flask.Response) -> flask.Response:
    current: WebSplit[flask.Request] | None = flask.request.environ.get(_SPLIT)
    if current is None:
        return response
    browser = current.browser
    guest = browser.answer()
    if browser.was_asked:
        response.vary.add("Cookie")
    if guest is not None:
        response.headers["Cache-Control"] = kept_private(response.headers.get("Cache-Control", ""))
        response.headers.add("Set-Cookie", browser.cookie.header(guest, https=flask.request.is_secure))
    return response
