"""Classes of variants: what they inherit, and that a wrong one is refused where it is written."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from usersplit_sdk import User
from usersplit_sdk.split_tests import InvalidSplitTest, MultiTest, ParamTest, SplitTest, variant


class Base(SplitTest):
    key = "catalogue_delay"

    @variant
    def control(self) -> str:
        return "base control"

    @variant(name="long", weight=0)
    def long_delay(self) -> str:
        return "base long"


def run_of(test: type[SplitTest]) -> tuple[str | None, Any]:
    with test(user=User("1")) as run:
        return run.variant, run()


def test_variants_are_called_by_their_methods_or_by_name() -> None:
    assert Base.variant_names() == ("control", "long")


def test_a_method_that_overrides_a_variant_is_its_new_code() -> None:
    class Child(Base):
        def control(self) -> str:
            return f"child over {super().control()}"

    assert run_of(Child) == ("control", "child over base control")
    assert run_of(Base) == ("control", "base control")


def test_a_subclass_adds_renames_and_takes_away_variants() -> None:
    class Child(Base):
        control = None  # type: ignore[assignment]

        @variant(name="very_long")
        def long_delay(self) -> str:
            return "child long"

        @variant(weight=0)
        def short(self) -> str:
            return "short"

    assert Child.variant_names() == ("very_long", "short")
    assert run_of(Child) == ("very_long", "child long")


def test_mixins_and_abstract_bases_bring_variants() -> None:
    class Controlled(SplitTest, abstract=True):
        @variant
        def control(self) -> str:
            return f"{self.key} control"

    class Mixin:
        @variant(weight=0)
        def red(self) -> str:
            return "red"

    class Buttons(Mixin, Controlled):
        key = "buttons"

    assert set(Buttons.variant_names()) == {"control", "red"}
    assert run_of(Buttons) == ("control", "buttons control")
    with pytest.raises(TypeError, match="Controlled is abstract"):
        Controlled(user=User("1"))
    with pytest.raises(TypeError, match="SplitTest is abstract"):
        SplitTest()


def test_static_and_class_methods_and_decorated_ones_can_be_variants() -> None:
    def loud(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def louder(*args: Any) -> str:
            return function(*args).upper()

        return louder

    class Odd(SplitTest):
        key = "odd_methods"

        @loud
        @variant(weight=0)
        def loud_one(self) -> str:
            return "loud"

        @variant(weight=0)
        @staticmethod
        def fixed() -> str:
            return "fixed"

        @staticmethod
        @variant(weight=0)
        def fixed_too() -> str:
            return "fixed too"

        @variant
        @classmethod
        def of_class(cls) -> str:
            return cls.__name__

    assert Odd.variant_names() == ("loud_one", "fixed", "fixed_too", "of_class")
    assert run_of(Odd) == ("of_class", "Odd")
    assert Odd(user=User("1")).loud_one() == "LOUD"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Pricing", "pricing"),
        ("PricingTest", "pricing_test"),
        ("NewHTMLPage", "new_html_page"),
        ("V2Button", "v2_button"),
        ("already_a_key", "already_a_key"),
    ],
)
def test_class_without_a_key_has_the_one_of_its_name(name: str, key: str) -> None:
    made = type(name, (SplitTest,), {"control": variant(lambda self: None)})
    assert made.key == key  # type: ignore[attr-defined]
    assert type("Heir", (made,), {}).key == key  # type: ignore[attr-defined]


def test_name_that_cannot_be_a_key_is_refused() -> None:
    with pytest.raises(InvalidSplitTest, match="'größe' cannot be a key"):
        type("Größe", (SplitTest,), {"control": variant(lambda self: None)})


def wrong(key: object = "some_test", **members: object) -> Callable[[], object]:
    """A class that cannot be made: a function, because the fault is in making it."""
    body = {"control": variant(lambda self: None), **members}
    if key is not None:
        body["key"] = key
    return lambda: type("Wrong", (SplitTest,), body)


async def later(self: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (wrong(""), r"Wrong: '' cannot be a key"),
        (wrong("CatalogueDelay"), r"Wrong: 'CatalogueDelay' cannot be a key: 2 to 64 of a-z 0-9 _"),
        (wrong("a"), r"cannot be a key"),
        (wrong("some_test\n"), r"cannot be a key"),
        (wrong(7), r"Wrong: 7 cannot be a key"),
        (wrong(control=None), r"Wrong has no variants: mark their methods with @variant"),
        (
            wrong(other=variant(name="control")(lambda self: None)),
            r"Wrong has two variants called 'control': the method control and the method other",
        ),
        (wrong(blue=variant(name="dark blue")(lambda self: None)), r"'dark blue' cannot be a variant's name"),
        (wrong(blue=variant(name="")(lambda self: None)), r"'' cannot be a variant's name"),
        (wrong(_blue=variant(lambda self: None)), r"'_blue' cannot be a variant's name"),
        (wrong(context=variant(lambda self: None)), r"Wrong\.context: SplitTest uses this name"),
        (wrong(default=variant(lambda self: None)), r"Wrong\.default: SplitTest uses this name"),
        (wrong(variant=variant(lambda self: None)), r"Wrong\.variant: SplitTest uses this name"),
        (wrong(is_eligible=later), r"Wrong\.is_eligible must be a method, and not async"),
        (wrong(is_eligible=property(lambda self: True)), r"Wrong\.is_eligible must be a method"),
        (wrong(weight=-1), r"Wrong\.weight must be a number from 0, not -1"),
        (wrong(weight=True), r"must be a number from 0, not True"),
    ],
)
def test_a_wrong_class_is_refused_where_it_is_written(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidSplitTest, match=message):
        make()


def test_a_variant_of_the_base_cannot_be_named_again_by_another_method() -> None:
    with pytest.raises(InvalidSplitTest, match="two variants called 'long': the method long_delay and"):

        class Child(Base):
            @variant(name="long")
            def another(self) -> None: ...


def test_a_variant_overridden_by_something_else_is_refused() -> None:
    with pytest.raises(InvalidSplitTest, match=r"Child\.control is a variant, but no method"):
        type("Child", (Base,), {"control": 5})


@pytest.mark.parametrize("weight", [-0.5, float("nan"), float("inf"), 10**400, "1", None])
def test_a_weight_is_a_number_from_zero(weight: Any) -> None:
    with pytest.raises(InvalidSplitTest, match="the weight of a variant must be a number from 0"):
        variant(weight=weight)(lambda self: None)


@pytest.mark.parametrize("method", ["control", 5, Base, property(lambda self: None)])
def test_variant_goes_on_methods_only(method: Any) -> None:
    with pytest.raises(InvalidSplitTest, match="goes on a method"):
        variant(method)


class Other(ParamTest):
    key = "other_test"
    params = ({"size": 1},)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MultiTest([Base, Base]), "catalogue_delay is there twice"),
        (lambda: MultiTest([Base], weights={Other: 1}), "weights: Other is none of the tests"),
        (lambda: MultiTest([Base], weights={Base: -1}), "the weight of Base must be a number from 0, not -1"),
        (lambda: MultiTest([Base], key="No Key"), "MultiTest: 'No Key' cannot be a key"),
        (lambda: MultiTest([SplitTest]), "tests: SplitTest needs the key"),
        (lambda: MultiTest([Base(user=User("1"))]), "is no class of variants"),  # type: ignore[list-item]
    ],
)
def test_a_wrong_choice_among_tests_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidSplitTest, match=message):
        make()
