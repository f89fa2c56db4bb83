"""Variants for tests of an application that runs in a process of its own: forced on the server, for one user or device.

    with RemoteVariants("https://usersplit.example", token) as remote:
        remote.user("4711", green_button="green")
        browser.goto("/")

All other tests are off for that user. A call returns once every app server has it, and raises ``NotForced`` if that takes too
long. The end removes what was set; should that fail, it expires by itself. The token needs the scope ``qa``.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import NamedTuple

from usersplit_sdk.origin import Connection, Origin, Posted
from usersplit_sdk.testing import checked_variants

FORCED, TESTS_OFF = "/api/v1/qa/forced/", "/api/v1/qa/tests-off/"
WAIT_SECONDS = 10.0
"""Production clients ask the server every 5 seconds, give or take a quarter, unless they are told otherwise."""
MOST_SECONDS = 30.0
"""The longest that a server waits."""
EXPIRY_SECONDS = 900.0
ANSWER_SECONDS = 15.0
"""Beyond the waiting, for the server's answer."""
PAUSE_SECONDS = 0.2
REASON_LIMIT = 500
SHOWN = 300


class NotForced(Exception):
    """The server refuses, cannot be reached, or its app servers do not have it in time; the text says which."""


class _Person(NamedTuple):
    field: str
    """``user_id`` or ``device_id``."""
    id: str


class RemoteVariants:
    """Forces variants on the server at ``url``.

    ``wait``: seconds within which all app servers must have it (0: nobody asks them, for servers that read a delivery
    folder). ``environment``: ``production`` or ``devel``; without it the token's. ``reason`` is shown to whoever looks who
    is forced. Raises ``ValueError`` for what is no address, no token or no number of seconds.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        wait: float = WAIT_SECONDS,
        environment: str | None = None,
        reason: str = "autotest",
        expires_in: float = EXPIRY_SECONDS,
    ) -> None:
        if not 0 <= wait <= MOST_SECONDS:
            raise ValueError(f"wait must be a number of seconds from 0 to {MOST_SECONDS:g}")
        if not 0 < expires_in < math.inf:
            raise ValueError("expires_in must be a number of seconds, more than 0")
        self._wait = wait
        self._environment = environment
        self._reason = reason[:REASON_LIMIT]
        self._expires_in = timedelta(seconds=expires_in)
        self._connection = Connection(Origin(url, token, wait + ANSWER_SECONDS), lambda: math.inf)
        self._made: dict[tuple[_Person, str | None], str] = {}

    def user(
        self, user_id: str | int, variants: Mapping[str, str | None] | None = None, /, **more: str | None
    ) -> None:
        """Put the user into these variants, and switch all other tests off. Again for the same user changes it."""
        self._force(_Person("user_id", str(user_id)), checked_variants({**(variants or {}), **more}))

    def device(
        self, device_id: str | int, variants: Mapping[str, str | None] | None = None, /, **more: str | None
    ) -> None:
        """The same for a device."""
        self._force(_Person("device_id", str(device_id)), checked_variants({**(variants or {}), **more}))

    def release(self) -> None:
        """Remove all that was set; raises ``NotForced`` after the last, if some could not be."""
        problems = []
        while self._made:
            _, path = self._made.popitem()
            try:
                self._remove(path)
            except (NotForced, OSError) as problem:
                problems.append(str(problem))
        self._connection.close()
        if problems:
            raise NotForced(f"not all that was forced could be removed, it expires: {'; '.join(problems)}")

    def __enter__(self) -> RemoteVariants:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    # ---- inside ------------------------------------------------------------------------------------------

    def _force(self, person: _Person, variants: Mapping[str, str | None]) -> None:
        wanted = {key: name for key, name in variants.items() if name is not None}
        for made in list(self._made):
            if made[0] == person and made[1] is not None and made[1] not in wanted:
                self._remove(self._made.pop(made))
        terms = {
            person.field: person.id,
            "reason": self._reason,
            "expires_at": (datetime.now(timezone.utc) + self._expires_in).isoformat(),
        }
        # First the others off: nobody may see the user in between with one test forced and the rest as ever.
        posts: list[tuple[str | None, str, dict[str, str]]] = [(None, TESTS_OFF, terms)]
        where = {} if self._environment is None else {"environment": self._environment}
        for key, name in wanted.items():
            posts.append((key, FORCED, {**terms, **where, "test": key, "variant": name}))
        for number, (test, path, body) in enumerate(posts, start=1):
            self._post(person, test, path, body, is_last=number == len(posts))

    def _post(
        self, person: _Person, key: str | None, path: str, body: Mapping[str, str], *, is_last: bool
    ) -> None:
        """Set it. With the last one wait for the delivery: it holds those before as well."""
        waits = is_last and self._wait > 0
        target = f"{path}?wait={self._wait:.3f}" if waits else path
        # Sent again under its key it is not done again, only waited for again.
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        what = f"{key or 'switching all tests off'} for {person.field} {person.id!r}"
        deadline = time.monotonic() + self._wait
        while True:
            answer = _read(_answered(self._connection.post, target, json.dumps(body).encode(), headers), what)
            number = answer.get("id")
            if type(number) is not int:
                raise NotForced(f"{what}: the server answers without an id")
            self._made[person, key] = f"{path}{number}/"
            delivery = answer.get("delivery")
            state = delivery if isinstance(delivery, dict) else {}
            if not waits or state.get("delivered") is True:
                return
            # A server at which others wait already answers at once.
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotForced(f"{what} is not delivered in {self._wait:g} s: {_late(state)}")
            time.sleep(min(PAUSE_SECONDS, left))

    def _remove(self, path: str) -> None:
        answer = _answered(self._connection.delete, path)
        # Somebody else may have removed it, or it has expired.
        if answer.status != 404:
            _read(answer, f"removing {path}")


def _answered(send: Callable[..., Posted], *what: object) -> Posted:
    try:
        return send(*what)
    except OSError as problem:
        raise NotForced(str(problem)) from None


def _read(answer: Posted, what: str) -> dict[str, object]:
    """The body of an answer that grants it."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        body = {}
    if 200 <= answer.status < 300:
        return body
    errors = body.get("errors")
    faults = [
        f"{error.get('field')}: {error.get('message')}"
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict)
    ]
    reason = " ".join([str(body.get("detail") or "no reason is given"), *faults])
    raise NotForced(f"{what}: the server answers {answer.status}: {reason[:SHOWN]}")


def _late(state: Mapping[str, object]) -> str:
    if not state:
        return "the server does not tell who has it; it may be too old"
    waiting = state.get("waiting_for")
    names = ", ".join(map(str, waiting)) if isinstance(waiting, list) else ""
    if not state.get("servers"):
        return (
            "no app server that reads over HTTP was heard of in the last minute. "
            "For servers that read a delivery folder wait=0 asks nobody"
        )
    return f"of {state.get('servers')} app servers these run an older version than {state.get('version')}: {names[:SHOWN]}"
