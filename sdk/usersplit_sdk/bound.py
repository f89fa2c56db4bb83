"""A client bound to one user and one request: what views, templates and tasks ask.

The split of the running request or task is found with ``current_split()``, in any thread and any asyncio task
that belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from usersplit_sdk.client import Client
from usersplit_sdk.model import Decision, Environment, User

_current: ContextVar[Split | None] = ContextVar("usersplit_sdk.split", default=None)


class Split:
    """The client's questions without the user and the request in each of them.

    ``language`` is that of texts; without it the request's ``client_language`` is.
    """

    def __init__(
        self,
        client: Client,
        user: User | None = None,
        environment: Environment | None = None,
        *,
        language: str | None = None,
    ) -> None:
        self.client = client
        self._user = user
        self._environment = Environment() if environment is None else environment
        self._language = language
        self.is_loaded = True
        """Are user and request known, or read at the first question?"""

    @property
    def user(self) -> User | None:
        """Who asks; None is a guest."""
        return self._user

    @property
    def environment(self) -> Environment:
        """The request that asks."""
        return self._environment

    @property
    def language(self) -> str:
        """The language of texts; empty if nobody knows, and then every text is the default."""
        language: object = self._language
        if language is None:
            try:
                language = self.environment.attributes.get("client_language")
            except Exception:  # noqa: BLE001 - a request of the host's own may be anything
                language = None
        return language if isinstance(language, str) else ""

    def variant(self, key: str, *, log_hit: bool = True) -> str | None:
        """The variant, or None; logs a hit if there is one."""
        return self.client.get_active_variant(key, self.user, self.environment, log_hit)

    def log_hit(self, key: str, variant: str) -> bool:
        """Log that the variant was shown; False for a test or variant that is unknown."""
        return self.client.log_hit(key, variant, self.user, self.environment)

    def is_in_group(self, key: str) -> bool:
        """Is the user in the user group?"""
        return self.client.is_in_group(key, self.user, self.environment)

    def payload(self, key: str, *, log_hit: bool = False) -> object:
        """The payload of the variant, None without one."""
        return self.client.payload(key, self.user, self.environment, log_hit=log_hit)

    def text(self, token: str, default: str, *, language: str | None = None, log_hit: bool = True) -> str:
        """The token's text in the user's variant and language, else ``default``.

        A token that no test has is no question: user and request are not read for it. Where all of an application's
        messages come through here, pages without tests stay as they are.
        """
        if not self.client.has_text(token):
            return default
        return self.client.text(
            token,
            self.user,
            self.environment,
            language=self.language if language is None else language,
            default=default,
            log_hit=log_hit,
        )

    def active_variants(self) -> dict[str, str]:
        """Every test in which the user has a variant: ``{key: variant}``; logs nothing."""
        return self.client.active_variants(self.user, self.environment)

    def explain(self, key: str) -> Decision:
        """The variant and why; logs nothing."""
        return self.client.explain(key, self.user, self.environment)

    def for_user(self, user: User | None) -> Split:
        """The same request asked for another user: one who has just registered, or whom a colleague looks after."""
        return Split(self.client, user, self.environment, language=self._language)


def checked_client(client: object) -> Client:
    """The client of a middleware or a provider, which raises ``TypeError`` where it is made and not at every check."""
    if isinstance(client, Client):
        return client
    raise TypeError(f"{type(client).__name__} is no usersplit_sdk.Client; of an AsyncClient give its .client")


def current_split() -> Split | None:
    """The split of the request or task that is running; None outside of one."""
    return _current.get()


def bind_split(split: Split | None) -> Split | None:
    """Make it the current one from here on, and answer which was: binding that again undoes it.

    For hooks that a framework calls before and after; code that wraps the work uses ``use_split``.
    """
    previous = _current.get()
    _current.set(split)
    return previous


@contextmanager
def use_split(split: Split) -> Iterator[Split]:
    """``with use_split(Split(client, user)): …`` makes it the current one inside."""
    previous = bind_split(split)
    try:
        yield split
    finally:
        bind_split(previous)
