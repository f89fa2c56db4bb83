"""A split test whose variants are methods of a class."""
# ruff: noqa: PYI019 - typing.Self needs Python 3.11

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar, cast

from usersplit_sdk.model import Environment, User
from usersplit_sdk.split_tests.choosing import choose, lock_of
from usersplit_sdk.split_tests.declaring import (
    InvalidSplitTest,
    VariantCode,
    as_weight,
    by_name,
    check_key,
    declared_variants,
    key_of_class,
)
from usersplit_sdk.split_tests.reporting import tell, tell_failure
from usersplit_sdk.split_tests.running import Enterable, Run, SplitClient, per_call

TestT = TypeVar("TestT", bound="SplitTest")
P = ParamSpec("P")
R = TypeVar("R")

LIBRARY = "usersplit_sdk.split_tests"


class SplitTest:
    """A split test as a class: ``key`` is the test's, each method with ``@variant`` the code of a variant.

    Enter an object of it (``with``, ``async with``) to get the user's ``Run``, or decorate a function with it. With
    a client the client decides, and the hit is logged by it; without one, a hash of ``key``, ``salt`` and what the
    object is locked to: ``locked_to``, else the user's id, else the device's, else the split group.

    A class without variants of its own, for others to inherit from, is ``class Shop(SplitTest, abstract=True)``.
    """

    key: ClassVar[str]
    """The test's key; without one the class's name tells it: ``CatalogueDelay`` is ``catalogue_delay``."""
    salt: ClassVar[str] = ""
    """Without a client: another salt gives everyone a new choice."""
    weight: ClassVar[float] = 100
    """The share of the users that a ``MultiTest`` gives to this test, relative to the others'."""

    client: SplitClient | None
    user: User | None
    request: Environment | None
    context: Mapping[str, Any]
    locked_to: str | int | None
    variant: str | None

    _variants: ClassVar[Mapping[str, VariantCode]] = {}
    _is_abstract: ClassVar[bool] = True
    _is_async: ClassVar[bool] = False
    _run: Run[Any] | None

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        question: object = cls.is_eligible
        if not callable(question) or inspect.iscoroutinefunction(question):
            raise InvalidSplitTest(f"{cls.__name__}.is_eligible must be a method, and not async")
        as_weight(cls.weight, f"{cls.__name__}.weight")
        cls._variants = MappingProxyType(by_name(cls, cls._declared()))
        cls._is_abstract = abstract
        codes = [getattr(cls, code.method) for code in cls._variants.values()]
        cls._is_async = any(inspect.iscoroutinefunction(code) for code in [*codes, cls.default])
        if not abstract:
            if getattr(cls, "key", None) is None:
                cls.key = key_of_class(cls.__name__)
            check_key(cls.__name__, cls.key)
            if not cls._variants:
                raise InvalidSplitTest(f"{cls.__name__} has no variants: mark their methods with @variant")

    def __init__(
        self,
        client: SplitClient | None = None,
        user: User | None = None,
        request: Environment | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        locked_to: str | int | None = None,
    ) -> None:
        if self._is_abstract:
            raise TypeError(f"{type(self).__name__} is abstract: enter a class with a key and variants")
        self.client = client
        self.user = user
        self.request = request
        self.context = {} if context is None else context
        self.locked_to = locked_to
        self.variant = None
        self._run = None

    # ---- for classes to override ---------------------------------------------------------------------------

    def is_eligible(self) -> bool:
        """May the user take part at all? Asked before the client is. An exception in it, or an answer that is
        no bool, means no and is reported once."""
        return True

    def default(self, *args: Any, **kwargs: Any) -> Any:
        """What runs for everybody without a variant; no hit is logged for them. Nothing, if not overridden."""
        return None

    # ---- entering ------------------------------------------------------------------------------------------

    @classmethod
    def variant_names(cls) -> tuple[str, ...]:
        """The names of the variants that the class has code for; those of the delivered test should be these."""
        return tuple(cls._variants)

    def __enter__(self: TestT) -> Run[TestT]:
        if self._run is None:
            self._run = self._decide()
        return self._run

    def __exit__(self, *exc_info: object) -> None:
        """Let every exception through: what a variant raises is the application's."""

    async def __aenter__(self: TestT) -> Run[TestT]:
        return self.__enter__().to_await()

    async def __aexit__(self, *exc_info: object) -> None:
        """Let every exception through."""

    def __call__(self: TestT, function: Callable[Concatenate[Run[TestT], P], R]) -> Callable[P, R]:
        """Decorate a function that takes a run first; every call enters anew, for this user and this context.

        Where the user comes with the call: ``per_call``.
        """

        decorate = per_call(cast("Callable[..., Enterable[TestT]]", self._afresh))
        return decorate(function)

    # ---- inside --------------------------------------------------------------------------------------------

    @classmethod
    def _declared(cls) -> Iterable[VariantCode]:
        return declared_variants(cls, LIBRARY)

    def _afresh(self: TestT, *args: object, **kwargs: object) -> TestT:
        fresh = copy.copy(self)
        fresh._run = None  # noqa: SLF001 - it is one of us
        return fresh

    def _decide(self: TestT) -> Run[TestT]:
        self._take(None)
        is_eligible = self._ask_eligible()
        code = self._find_variant() if is_eligible else None
        self._take(code)
        return Run(
            self,
            self.key,
            self.variant,
            is_eligible=is_eligible,
            code=self.default if code is None else getattr(self, code.method),
            log_hit=self._log_hit,
            is_async=self._is_async,
        )

    def _take(self, code: VariantCode | None) -> None:
        self.variant = None if code is None else code.name

    def _ask_eligible(self) -> bool:
        try:
            answer: object = self.is_eligible()
        except Exception as failure:  # noqa: BLE001 - it is the application's code
            tell_failure(self.client, self.key, failure)
            return False
        if isinstance(answer, bool):
            return answer
        tell(self.client, self.key, f"is_eligible returned {type(answer).__name__}, not a bool: not eligible")
        return False

    def _find_variant(self) -> VariantCode | None:
        if self.client is None:
            return self._choose_variant()
        name = self.client.get_active_variant(self.key, self.user, self.request, log_hit=False)
        code = None if name is None else self._variants.get(name)
        if name is not None and code is None:
            # Not the control instead: these users are not the control's, and would spoil its figures.
            known = ", ".join(self._variants)
            tell(
                self.client,
                self.key,
                f"no code for variant {name!r} in {type(self).__name__}, only for {known}",
            )
        return code

    def _choose_variant(self) -> VariantCode | None:
        lock = lock_of(self.user, self.request, self.locked_to)
        if lock is None:
            tell(None, self.key, "nothing to lock a variant to: no user id, no device id, no locked_to")
            return None
        weights = {code.name: code.weight for code in self._variants.values()}
        name = choose(["variant", self.key, self.salt], weights, lock)
        return None if name is None else self._variants[name]

    def _log_hit(self, variant: str) -> None:
        if self.client is not None:
            self.client.log_hit(self.key, variant, self.user, self.request)
