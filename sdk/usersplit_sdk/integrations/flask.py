"""UserSplit in Flask.

    UserSplit(app, client, user=read_user)

    @app.route("/")
    def shop() -> str:
        return render_template("shop.html", green=split.variant("green_button") == "green")

Templates have ``split`` too: ``{{ split.text("pay_button", _("Buy")) }}``. A guest's cookie is signed with the
application's ``SECRET_KEY``; ``SECRET_KEY_FALLBACKS`` are still read.
"""

from __future__ import annotations

from typing import cast

import flask
from werkzeug.local import LocalProxy

from usersplit_sdk.bound import Split, bind_split
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
_SPLIT = "_usersplit_split"
_OUTER = "_usersplit_outer"


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
        self._client = client or self._client
        if self._client is None:
            raise TypeError("UserSplit needs a client")
        app.extensions[_EXTENSION] = self
        app.before_request(_bind)
        app.after_request(_answer)
        app.teardown_request(_unbind)
        app.context_processor(lambda: {"split": split})

    def begin(self, request: flask.Request) -> WebSplit[flask.Request]:
        """The split of a request."""
        cookie = self._cookie = self._cookie or _cookie_of(flask.current_app)
        return WebSplit(
            cast(Client, self._client),
            request,
            Browser(cookie, lambda: request.cookies.getlist(cookie.name)),
            read_user=self._read_user,
            read_environment=self._read_environment,
            read_language=self._read_language,
        )


def _cookie_of(app: flask.Flask) -> GuestCookie:
    """Made at the first request: until then the application may still be configured."""
    if not app.secret_key:
        raise RuntimeError("guests' cookies are signed with SECRET_KEY, which is not set")
    return GuestCookie(HmacSigner([app.secret_key, *(app.config.get("SECRET_KEY_FALLBACKS") or ())]))


def _split_of_request() -> WebSplit[flask.Request]:
    if _SPLIT not in flask.g:
        extension: UserSplit = flask.current_app.extensions[_EXTENSION]
        setattr(flask.g, _SPLIT, extension.begin(flask.request))
    return cast(WebSplit[flask.Request], getattr(flask.g, _SPLIT))


split = cast(Split, LocalProxy(_split_of_request))
"""The split of the request at hand."""


def _bind() -> None:
    setattr(flask.g, _OUTER, bind_split(_split_of_request()))


def _unbind(_: BaseException | None) -> None:
    if _OUTER in flask.g:
        bind_split(flask.g.pop(_OUTER))


def _answer(response: flask.Response) -> flask.Response:
    current: WebSplit[flask.Request] | None = flask.g.get(_SPLIT)
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
