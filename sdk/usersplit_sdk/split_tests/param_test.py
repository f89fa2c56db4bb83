"""A split test whose variants are one piece of code with different parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from usersplit_sdk.split_tests.declaring import InvalidSplitTest, VariantCode, as_weight
from usersplit_sdk.split_tests.split_test import SplitTest

_NO_PARAM: Mapping[str, Any] = MappingProxyType({})
_WORDS = {True: "true", False: "false", None: "none"}


class ParamTest(SplitTest, abstract=True):
    """A split test with one variant per set of parameters.

        class PricingTest(ParamTest):
            key = "pricing"
            params = [{"price_delta": n} for n in range(-5, 6)]

            def run(self, price):
                return price + self.param["price_delta"]

    The variants are ``price_delta_-5`` … ``price_delta_5``. A mapping gives them names of its own
    (``params = {"cheap": {"price_delta": -1}, …}``), and ``variant_name`` may be overridden. Methods with
    ``@variant`` are further variants.
    """

    params: ClassVar[Iterable[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]] = ()
    """The sets of parameters, or a mapping of names to them."""
    weights: ClassVar[Mapping[str, float]] = {}
    """The variants' shares where no client decides, by name; 1 for those not in it."""

    param: Mapping[str, Any] = _NO_PARAM
    """The parameters of the user's variant; read-only, and empty without one."""

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The code of all the variants. If not overridden, the run answers with the parameters."""
        return self.param

    @classmethod
    def variant_name(cls, param: Mapping[str, Any]) -> str:
        """What the variant of these parameters is called: each name and value, ascending by name, joined by ``_``."""
        parts = []
        for name in sorted(param):
            value = param[name]
            if value is not None and not isinstance(value, (str, int, float)):
                raise InvalidSplitTest(
                    f"{cls.__name__}: no name can be made from {name} = {value!r}; give names: "
                    'params = {"cheap": {…}, …}'
                )
            word = _WORDS[value] if value is None or isinstance(value, bool) else value
            parts.append(f"{name}_{word}")
        return "_".join(parts)

    @classmethod
    def _declared(cls) -> Iterable[VariantCode]:
        # Kept as a tuple: an iterator would be empty for a class that inherits it.
        if not isinstance(cls.params, (Mapping, tuple)):
            cls.params = tuple(cls.params)
        given = cls._named(cls.params)
        codes = [*super()._declared()]
        weights = {
            name: as_weight(weight, f"{cls.__name__}.weights[{name!r}]")
            for name, weight in cls.weights.items()
        }
        unknown = weights.keys() - {name for name, _ in given} - {code.name for code in codes}
        if unknown:
            raise InvalidSplitTest(
                f"{cls.__name__}.weights: no variant is called {', '.join(sorted(unknown))}"
            )
        for name, param in given:
            codes.append(VariantCode(name, "run", 1, MappingProxyType(dict(param))))
        return [code._replace(weight=weights.get(code.name, code.weight)) for code in codes]

    @classmethod
    def _named(cls, params: Any) -> list[tuple[str, Mapping[str, Any]]]:
        sets = list(params.values()) if isinstance(params, Mapping) else list(params)
        for param in sets:
            if (
                not isinstance(param, Mapping)
                or not param
                or not all(isinstance(name, str) for name in param)
            ):
                raise InvalidSplitTest(
                    f'{cls.__name__}.params: {param!r} is no set such as {{"price_delta": 1}}'
                )
        if isinstance(params, Mapping):
            return list(params.items())
        return [(cls.variant_name(param), param) for param in sets]

    def _take(self, code: VariantCode | None) -> None:
        super()._take(code)
        self.param = _NO_PARAM if code is None or code.param is None else code.param
