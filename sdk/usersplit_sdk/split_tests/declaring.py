"""How a class says what its variants are, and what is wrong with a class that says it badly."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from sys import float_info
from typing import Any, NamedTuple, TypeVar, overload

from usersplit_sdk.documents import KEY

VARIANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What the server lets a variant be called."""

_MARK = "__usersplit_variant__"

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


class InvalidSplitTest(ValueError):
    """A class of variants, or a choice among them, that cannot work; raised where it is written."""


class Mark(NamedTuple):
    """What ``@variant`` says of a method."""

    name: str | None
    weight: float


class VariantCode(NamedTuple):
    """A variant: its name, the method that is its code, its share without a client, and its parameters."""

    name: str
    method: str
    weight: float
    param: Mapping[str, Any] | None = None


@overload
def variant(method: MethodT, /) -> MethodT: ...


@overload
def variant(*, name: str | None = None, weight: float = 1) -> Callable[[MethodT], MethodT]: ...


def variant(
    method: MethodT | None = None, /, *, name: str | None = None, weight: float = 1
) -> MethodT | Callable[[MethodT], MethodT]:
    """Make a method the code of a variant, called by the method's name or by ``name``.

    ``weight`` is its share where no client decides, relative to the other variants' (0: nobody).
    """

    def mark(method: MethodT) -> MethodT:
        # A classmethod cannot be called before it is looked up in its class.
        if isinstance(method, type) or not callable(getattr(method, "__func__", method)):
            raise InvalidSplitTest(
                f'@variant goes on a method, not on {method!r}; a name is @variant(name="…")'
            )
        setattr(method, _MARK, Mark(name, as_weight(weight, "the weight of a variant")))
        return method

    return mark if method is None else mark(method)


def declared_variants(cls: type, library: str) -> list[VariantCode]:
    """The variants that the methods of a class are, inherited ones first.

    A method that overrides a variant is its new code, also without ``@variant``; ``name = None`` takes it away.
    Names that the classes of the package ``library`` use themselves cannot be variants' methods.
    """
    marks: dict[str, Mark] = {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            mark = _mark_of(value)
            if mark is not None:
                marks[attribute] = mark
            elif value is None:
                marks.pop(attribute, None)
    taken = marks.keys() & _names_of_library(cls, library)
    if taken:
        names = ", ".join(sorted(taken))
        raise InvalidSplitTest(
            f"{cls.__name__}.{names}: SplitTest uses this name; call the method otherwise and say @variant(name=…)"
        )
    for attribute in marks:
        if not callable(getattr(cls, attribute)):
            raise InvalidSplitTest(f"{cls.__name__}.{attribute} is a variant, but no method")
    return [
        VariantCode(attribute if mark.name is None else mark.name, attribute, mark.weight)
        for attribute, mark in marks.items()
    ]


def by_name(cls: type, variants: Iterable[VariantCode]) -> dict[str, VariantCode]:
    """The variants by their names, which must be ones that a delivered test can have, each only once."""
    found: dict[str, VariantCode] = {}
    for code in variants:
        name: object = code.name
        if not isinstance(name, str) or VARIANT_NAME.fullmatch(name) is None:
            raise InvalidSplitTest(
                f"{cls.__name__}: {code.name!r} cannot be a variant's name: up to 64 of A-Z a-z 0-9 _ . - "
                "and a letter or digit first"
            )
        other = found.setdefault(code.name, code)
        if other is not code:
            raise InvalidSplitTest(
                f"{cls.__name__} has two variants called {code.name!r}: {_place(other)} and {_place(code)}"
            )
    return found


_WORDS_OF_A_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def key_of_class(name: str) -> str:
    """``CatalogueDelay`` → ``catalogue_delay``: the name that additional conditions of the test have, read backwards."""
    return _WORDS_OF_A_NAME.sub("_", name).lower()


def check_key(where: str, key: object) -> str:
    """The key, if it can be a test's; ``where`` is whose it is."""
    if isinstance(key, str) and KEY.fullmatch(key) is not None:
        return key
    if key is None:
        raise InvalidSplitTest(f'{where} needs the key of its test: key = "catalogue_delay"')
    raise InvalidSplitTest(
        f"{where}: {key!r} cannot be a key: 2 to 64 of a-z 0-9 _ and a letter first, such as catalogue_delay"
    )


def as_weight(weight: object, what: str) -> float:
    """The weight, if it is a finite number from 0."""
    # Compared, not computed with: there are whole numbers that no float can hold.
    if isinstance(weight, (int, float)) and not isinstance(weight, bool) and 0 <= weight <= float_info.max:
        return weight
    raise InvalidSplitTest(f"{what} must be a number from 0, not {weight!r}")


def _mark_of(value: object) -> Mark | None:
    # A staticmethod or classmethod above @variant has the marked function inside.
    mark = getattr(value, _MARK, None) or getattr(getattr(value, "__func__", None), _MARK, None)
    return mark if isinstance(mark, Mark) else None


def _names_of_library(cls: type, library: str) -> set[str]:
    names: set[str] = set()
    for base in cls.__mro__:
        if base is object or base.__module__.startswith(library):
            names.update(vars(base), inspect.get_annotations(base))
    return names


def _place(code: VariantCode) -> str:
    return f"the method {code.method}" if code.param is None else f"the parameters {dict(code.param)}"
