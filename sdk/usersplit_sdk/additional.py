"""Conditions that a test has in the application's code, called after all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar, cast

from usersplit_sdk.engine import Additional
from usersplit_sdk.model import Environment, User
from usersplit_sdk.reporting import describe

Report = Callable[[str, str], None]
Function = Callable[["User | None", Environment], bool]


if TYPE_CHECKING:
    from typing import Protocol

    class HasConditions(Protocol):
        """An object with additional conditions; a class is called without arguments to make one."""

        def check_additional_conditions(self, user: User | None, environment: Environment) -> bool:
            """May this user, who would get a variant, have it?"""


Registered = TypeVar("Registered", bound="Function | HasConditions | type[HasConditions]")


class AdditionalConditions:
    """Where a test's additional conditions are found: among those registered by key, else in the module. Immutable."""

    def __init__(
        self, report: Report, module: ModuleType | None = None, registered: Mapping[str, object] | None = None
    ) -> None:
        self._report = report
        self._module = module
        self._registered: Mapping[str, object] = registered or {}

    def plus(self, key: str, conditions: object) -> AdditionalConditions:
        """The same with the conditions of one more test."""
        return AdditionalConditions(self._report, self._module, {**self._registered, key: conditions})

    def of(self, key: str) -> Additional | None:
        """The test's conditions, made safe: an exception or an answer that is no bool is False and reported."""
        function = self._find(key)
        if function is None:
            return None

        def ask(user: object, request: object) -> bool:
            try:
                environment = Environment() if request is None else cast(Environment, request)
                answer = function(cast("User | None", user), environment)
                if isinstance(answer, bool):
                    return answer
                message = f"its additional conditions returned {type(answer).__name__}, not a bool"
            except Exception as problem:  # noqa: BLE001 - it is the application's code
                message = f"its additional conditions raised {describe(problem)}"
            self._report(key, message)
            return False

        return ask

    def _find(self, key: str) -> Function | None:
        try:
            found = self._registered.get(key)
            if found is None:
                found = getattr(self._module, class_name(key), None)
                # A module of split tests may hold other things of that name, such as variants as code.
                if not hasattr(found, "check_additional_conditions"):
                    return None
            holder = found() if isinstance(found, type) else found
            return cast(Function, getattr(holder, "check_additional_conditions", holder))
        except Exception as problem:  # noqa: BLE001 - it is the application's code
            self._report(key, f"its additional conditions cannot be made ({describe(problem)})")
            return lambda user, environment: False


def class_name(key: str) -> str:
    """``green_button`` → ``GreenButton``."""
    return "".join(part[:1].upper() + part[1:] for part in key.split("_"))
