"""The run: what became of a test for one user, and the way to its code."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from usersplit_sdk.model import Environment, User

TestT_co = TypeVar("TestT_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")


class SplitClient(Protocol):
    """What a run asks of a client; ``usersplit_sdk.Client`` is one."""

    def get_active_variant(
        self, key: str, user: User | None = None, request: Environment | None = None, *, log_hit: bool = True
    ) -> str | None: ...

    def log_hit(
        self, key: str, variant: str, user: User | None = None, request: Environment | None = None
    ) -> bool: ...

    def report(self, where: str, message: str) -> None: ...


class Run(Generic[TestT_co]):
    """A test's decision for one user: made once, on entering, and the same to the end.

    ``variant`` is the user's variant, None without one; ``is_eligible`` what the class's own ``is_eligible`` said;
    ``key`` the test's key and ``test`` the object of the test. Those of a ``MultiTest`` are the chosen test's,
    None if none was. ``is_shown`` says whether the hit was logged, ``is_async`` whether the run is to be awaited.
    """

    def __init__(
        self,
        test: TestT_co,
        key: str | None,
        variant: str | None,
        *,
        is_eligible: bool,
        code: Callable[..., Any],
        log_hit: Callable[[str], object],
        is_async: bool,
    ) -> None:
        self.test = test
        self.key = key
        self.variant = variant
        self.is_eligible = is_eligible
        self.is_shown = False
        self._code = code
        self._log_hit = log_hit
        self.is_async = is_async

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the variant's code with these arguments and return what it returns; what it raises goes through.

        Without a variant ``default`` is run, if the class has one, and None returned otherwise. The hit is
        logged as the code begins: a variant that fails was shown all the same, and a variant whose failures do
        not count would look better than it is. To be awaited if any variant of the class is ``async``, or
        after ``async with``; then the hit is logged as the awaiting begins.
        """
        if self.is_async:
            return self._awaited(args, kwargs)
        self.log_hit()
        return self._code(*args, **kwargs)

    async def _awaited(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.log_hit()
        result = self._code(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def log_hit(self) -> bool:
        """Log that the variant was shown: for code that looks at ``variant`` and does not call the run.

        Answers whether that was news: there is a variant, and this run has logged nothing yet.
        """
        if self.variant is None or self.is_shown:
            return False
        self.is_shown = True
        self._log_hit(self.variant)
        return True

    def to_await(self) -> Run[TestT_co]:
        """Entered by ``async with``: the run is to be awaited whatever its variants are."""
        self.is_async = True
        return self

    def __repr__(self) -> str:
        return f"<Run of {self.key}: {self.variant}>"


class Enterable(Protocol[TestT_co]):
    """What can be entered for a run, by ``with`` or ``async with``: a ``SplitTest``, a ``MultiTest``."""

    def __enter__(self) -> Run[TestT_co]: ...

    def __exit__(self, *exc_info: object) -> None: ...

    async def __aenter__(self) -> Run[TestT_co]: ...

    async def __aexit__(self, *exc_info: object) -> None: ...


def per_call(
    make: Callable[..., Enterable[TestT_co]],
) -> Callable[[Callable[Concatenate[Run[TestT_co], P], R]], Callable[P, R]]:
    """Decorate a function that takes a run first: each call gets a new one, of the test that ``make`` answers.

        @per_call(lambda http: DelayTest(client, user_of(http)))
        def catalogue(run, http): …

    ``make`` is called with the arguments of the call; the run is no parameter of the decorated function.
    """

    def decorate(function: Callable[Concatenate[Run[TestT_co], P], R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                async with make(*args, **kwargs) as run:
                    return await cast("Awaitable[Any]", function(run, *args, **kwargs))

            return _dressed(cast("Callable[P, R]", awaited), function)

        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with make(*args, **kwargs) as run:
                return function(run, *args, **kwargs)

        return _dressed(called, function)

    return decorate


def _dressed(wrapper: Callable[P, R], function: Callable[..., Any]) -> Callable[P, R]:
    """The wrapper as the function it stands for. Frameworks read signatures: the run is not theirs to fill in."""
    functools.update_wrapper(wrapper, function)
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        wrapper.__signature__ = signature.replace(parameters=parameters[1:])  # type: ignore[attr-defined]
    return wrapper
