"""One of several split tests: the user takes part in a single one of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from usersplit_sdk.model import Environment, User
from usersplit_sdk.split_tests.choosing import choose, lock_of
from usersplit_sdk.split_tests.declaring import InvalidSplitTest, as_weight, check_key
from usersplit_sdk.split_tests.running import Run, SplitClient, per_call
from usersplit_sdk.split_tests.split_test import SplitTest

P = ParamSpec("P")
R = TypeVar("R")

MultiRun = Run[SplitTest | None]


class MultiTest:
    """Chooses one of the tests in which the user has a variant, by weight, and runs that one alone.

    The choice is locked to ``locked_to``, else to the user's id, the device's, the split group. It is made by
    weighted rendezvous hashing: a test that is added, ends, or is not for this user moves only the users who get it
    or had it. ``weights`` go before the classes' own ``weight`` (100); a test with weight 0 is never chosen.

    ``key`` gives the choice a name of its own, which other ``MultiTest``s do not share. Without one all of them
    prefer the same tests for the same user, and ``key`` reads as the keys of the tests.
    """

    def __init__(
        self,
        tests: Sequence[type[SplitTest]],
        client: SplitClient | None = None,
        user: User | None = None,
        request: Environment | None = None,
        *,
        weights: Mapping[type[SplitTest], float] | None = None,
        key: str | None = None,
        context: Mapping[str, Any] | None = None,
        locked_to: str | int | None = None,
    ) -> None:
        self._weights = _weights_by_key(tests, {} if weights is None else weights)
        self._space = ["test", "" if key is None else check_key("MultiTest", key)]
        self.key = "/".join(self._weights) if key is None else key
        self.tests = tuple(tests)
        self.client = client
        self.user = user
        self.request = request
        self.context = context
        self.locked_to = locked_to
        self._run: MultiRun | None = None

    def __enter__(self) -> MultiRun:
        if self._run is None:
            self._run = self._decide()
        return self._run

    def __exit__(self, *exc_info: object) -> None:
        """Let every exception through: what a variant raises is the application's."""

    async def __aenter__(self) -> MultiRun:
        return self.__enter__().to_await()

    async def __aexit__(self, *exc_info: object) -> None:
        """Let every exception through."""

    def __call__(self, function: Callable[Concatenate[MultiRun, P], R]) -> Callable[P, R]:
        """Decorate a function that takes a run first; every call enters anew, for this user and this context."""

        def afresh(*args: object, **kwargs: object) -> MultiTest:
            fresh = copy.copy(self)
            fresh._run = None  # noqa: SLF001 - it is one of us
            return fresh

        return per_call(afresh)(function)

    def _decide(self) -> MultiRun:
        runs = {test.key: self._enter(test) for test in self.tests}
        weights = {key: self._weights[key] for key, run in runs.items() if run.variant is not None}
        # With a client somebody without any id may still have a variant: a winner is for everyone.
        chosen = choose(self._space, weights, lock_of(self.user, self.request, self.locked_to) or "")
        is_async = any(run.is_async for run in runs.values())
        if chosen is not None:
            return runs[chosen].to_await() if is_async else runs[chosen]
        is_eligible = any(run.is_eligible for run in runs.values())
        return Run(
            None, None, None, is_eligible=is_eligible, code=_nothing, log_hit=_nothing, is_async=is_async
        )

    def _enter(self, test: type[SplitTest]) -> Run[SplitTest]:
        made = test(self.client, self.user, self.request, context=self.context, locked_to=self.locked_to)
        return made.__enter__()


def _weights_by_key(
    tests: Sequence[type[SplitTest]], weights: Mapping[type[SplitTest], float]
) -> dict[str, float]:
    for test in weights:
        if test not in tests:
            raise InvalidSplitTest(f"weights: {getattr(test, '__name__', test)} is none of the tests")
    by_key: dict[str, float] = {}
    for test in tests:
        kind: object = test
        if not (isinstance(kind, type) and issubclass(kind, SplitTest)):
            raise InvalidSplitTest(f"tests: {kind!r} is no class of variants")
        check_key(f"tests: {test.__name__}", getattr(test, "key", None))
        if test.key in by_key:
            raise InvalidSplitTest(f"tests: {test.key} is there twice")
        by_key[test.key] = as_weight(weights.get(test, test.weight), f"the weight of {test.__name__}")
    return by_key


def _nothing(*args: object, **kwargs: object) -> None:
    return None
