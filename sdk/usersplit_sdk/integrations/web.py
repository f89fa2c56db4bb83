"""What every web framework needs: the split of one request, asked for lazily, and the browser behind it."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from usersplit_sdk.bound import Split
from usersplit_sdk.client import Client
from usersplit_sdk.integrations.guests import Guest, GuestCookie
from usersplit_sdk.model import Environment, User

logger = logging.getLogger("usersplit_sdk")

NOBODY = User(None)
"""Stands for a user who could not be read: no split group, so no variant, and no new guest either."""

Request = TypeVar("Request")

ReadUser = Callable[[Request], User | Awaitable[User | None] | None]
"""The application's own user as ours, None for a guest. May be a coroutine function where requests are."""
ReadEnvironment = Callable[[Request], Environment]
"""The application's request as ours."""
ReadLanguage = Callable[[Request], str | None]
"""The language of texts, if the application knows better than the request's headers."""


class Headers(Protocol):
    """A request's headers, found in whatever case they are written; every framework's will do."""

    def get(self, name: str, /) -> str | None: ...


class Browser:
    """The browser during one request: who it says it is, and who it is from now on."""

    def __init__(self, cookie: GuestCookie, read_values: Callable[[], list[str]]) -> None:
        self.cookie = cookie
        self._read_values = read_values
        self._sent: dict[str, Guest] = {}
        self._answered = False
        self.was_asked = False
        """Does the answer depend on cookies?"""

    def complete(self, environment: Environment, *, is_guest: bool) -> Environment:
        """The request with the guest's split group and device, unless the application gave its own."""
        self.was_asked = True
        guest = self.cookie.read(self._read_values())
        if guest is None and is_guest and environment.split_group is None:
            guest = self._draw()
        elif guest is not None and guest.is_old and not self._answered:
            self._sent["guest"] = guest
        if guest is None:
            return environment
        return Environment(
            device_id=guest.device_id if environment.device_id is None else environment.device_id,
            attributes=environment.attributes,
            supported_tests=environment.supported_tests,
            split_group=guest.split_group if environment.split_group is None else environment.split_group,
        )

    def _draw(self) -> Guest | None:
        if self._answered:
            # Too late to keep a new number: this guest would be somebody else at every request.
            return None
        return self._sent.setdefault("guest", self.cookie.draw())

    def answer(self) -> Guest | None:
        """Headers are being sent: the guest to keep in a cookie, if one was drawn or the cookie is old. Nothing is drawn
        afterwards."""
        self._answered = True
        return self._sent.get("guest")


class WebSplit(Split, Generic[Request]):
    """The split of a web request. User and environment are read at the first question, and once.

    What goes wrong while they are read is logged and costs this request its variants, never its answer.
    """

    def __init__(
        self,
        client: Client,
        request: Request,
        browser: Browser,
        *,
        read_user: ReadUser[Request],
        read_environment: ReadEnvironment[Request],
        read_language: ReadLanguage[Request] | None = None,
    ) -> None:
        super().__init__(client)
        self.browser = browser
        self._request = request
        self._read_user = read_user
        self._read_environment = read_environment
        self._read_language = read_language
        self.is_loaded = False

    @property
    def user(self) -> User | None:
        """Who asks; None is a guest."""
        self.load()
        return self._user

    @property
    def environment(self) -> Environment:
        """The request that asks; a guest's split group in it."""
        self.load()
        return self._environment

    @property
    def language(self) -> str:
        """The language of texts: the application's, else the request's ``client_language``."""
        try:
            language = None if self._read_language is None else self._read_language(self._request)
        except Exception:
            logger.exception("reading the language of a request failed")
            language = None
        return language or super().language

    def load(self) -> None:
        """Read the user and the request now; the first question does it otherwise."""
        if self.is_loaded:
            return
        try:
            user = self._read_user(self._request)
            if inspect.isawaitable(user):
                _drop(user)
                raise TypeError("the user is read by a coroutine function: ask for the split with await")
        except Exception:
            logger.exception("reading the user of a request failed: no variants for it")
            user = NOBODY
        self._keep(user)

    async def aload(self) -> WebSplit[Request]:
        """The same where reading the user has to be awaited; answers the split itself."""
        if not self.is_loaded:
            try:
                user = self._read_user(self._request)
                if inspect.isawaitable(user):
                    user = await user
            except Exception:
                logger.exception("reading the user of a request failed: no variants for it")
                user = NOBODY
            self._keep(user)
        return self

    def for_user(self, user: User | None) -> Split:
        """The same request asked for another user."""
        return Split(self.client, user, self.environment, language=self.language)

    def _keep(self, user: User | None) -> None:
        try:
            environment = self._read_environment(self._request)
            self._environment = self.browser.complete(environment, is_guest=user is None)
        except Exception:
            logger.exception("reading the environment of a request failed")
            self._environment = self.browser.complete(Environment(), is_guest=user is None)
        self._user = user
        self.is_loaded = True


def _drop(awaitable: Awaitable[object]) -> None:
    """A coroutine that nobody will await is closed, or Python warns about it."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def vary_and_cookie(
    headers: list[tuple[str, str]], browser: Browser, *, https: bool
) -> list[tuple[str, str]]:
    """An answer's headers, and what the browser has to be told; from here on no guest is drawn."""
    guest = browser.answer()
    if not browser.was_asked:
        return headers
    added = list(headers)
    vary = ", ".join(value for name, value in headers if name.lower() == "vary")
    if not {"cookie", "*"} & {part.strip().lower() for part in vary.split(",")}:
        added = [(name, value) for name, value in headers if name.lower() != "vary"]
        added.append(("Vary", f"{vary}, Cookie" if vary else "Cookie"))
    if guest is not None:
        given = ", ".join(value for name, value in added if name.lower() == "cache-control")
        added = [(name, value) for name, value in added if name.lower() != "cache-control"]
        added.append(("Cache-Control", kept_private(given)))
        added.append(("Set-Cookie", browser.cookie.header(guest, https=https)))
    return added


_DIRECTIVE = re.compile(r'(?:[^,"]|"[^"]*"?)+')
"""One of a ``Cache-Control`` header; what stands in quotes may hold commas."""


def kept_private(cache_control: str) -> str:
    """For an answer that makes a guest: a cache that gave it to others would make them the same one."""
    parts = [part.strip() for part in _DIRECTIVE.findall(cache_control)]
    shared = ("public", "private", "s-maxage")
    return ", ".join([*(part for part in parts if part and not part.lower().startswith(shared)), "private"])


def nobody_known(request: object) -> None:
    """Reads no user: everybody is a guest."""


def browser_attributes(headers: Headers) -> dict[str, object]:
    """What headers tell, by the names that the filter catalogue starts with.

    ``platform`` only for browsers, which all call themselves Mozilla: an app knows better what it is, and says so
    in headers of its own, from which the application's function adds it.
    """
    attributes: dict[str, object] = {}
    agent = headers.get("User-Agent")
    if agent:
        attributes["user_agent"] = agent
        if agent.startswith("Mozilla/"):
            attributes["platform"] = "mobile_web" if "Mobi" in agent else "web"
    language = preferred_language(headers.get("Accept-Language"))
    if language:
        attributes["client_language"] = language.partition("-")[0].lower()
    return attributes


_LANGUAGE = re.compile(
    r"\s*([A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.[0-9]{1,3})?))?\s*", re.ASCII
)


def preferred_language(accept_language: str | None) -> str | None:
    """``de-AT`` out of ``en;q=0.8, de-AT``: what the browser wants most, the first of equals."""
    best, weight = None, 0.0
    for part in (accept_language or "")[:1000].split(","):
        match = _LANGUAGE.fullmatch(part)
        if match is not None and (quality := float(match[2] or 1)) > weight:
            best, weight = match[1], quality
    return best
