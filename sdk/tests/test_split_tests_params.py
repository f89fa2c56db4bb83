"""One variant per set of parameters: their names, what the code sees of them, and which sets are refused."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from usersplit_sdk import Client, RecordingHits, User
from usersplit_sdk.split_tests import InvalidSplitTest, ParamTest, variant


class PricingTest(ParamTest):
    key = "pricing"
    params = [{"price_delta": n} for n in range(-5, 6)]

    def run(self, price: int) -> int:
        return price + int(self.param["price_delta"])


def names_of(params: Any, **members: Any) -> tuple[str, ...]:
    test = type("Test", (ParamTest,), {"key": "some_test", "params": params, **members})
    assert issubclass(test, ParamTest)
    return test.variant_names()


def test_every_set_is_a_variant() -> None:
    assert PricingTest.variant_names() == tuple(f"price_delta_{n}" for n in range(-5, 6))


def test_the_delivered_variant_decides_which_parameters_the_code_sees() -> None:
    variants = [
        {"name": name, "split_groups": [[number, number]]}
        for number, name in enumerate(PricingTest.variant_names(), start=1)
    ]
    file = {"format": 1, "kind": "test", "key": "pricing", "status": "running", "side": "server"}
    sink = RecordingHits()
    client = Client.from_documents(
        [{**file, "settings_group": 1, "conditions": [], "variants": variants}], hits=sink
    )
    for number, delta in enumerate(range(-5, 6), start=1):
        with PricingTest(client, User(number, number)) as run:
            assert run(100) == 100 + delta
            assert run.test.param == {"price_delta": delta}
    assert [hit.variant for hit in sink.hits] == list(PricingTest.variant_names())
    with PricingTest(client, User(99, 99)) as run:
        assert (run.variant, run.test.param, run(100)) == (None, {}, None)


def test_without_code_the_run_answers_with_the_parameters() -> None:
    class Sizes(ParamTest):
        key = "sizes"
        params = ({"size": 12, "unit": "pt"},)

    with Sizes(user=User("1")) as run:
        assert run() == {"size": 12, "unit": "pt"}
        with pytest.raises(TypeError):
            run()["size"] = 13


@pytest.mark.parametrize(
    ("param", "name"),
    [
        ({"size": 10}, "size_10"),
        ({"ratio": -0.5}, "ratio_-0.5"),
        ({"size": 10, "colour": "red"}, "colour_red_size_10"),
        ({"colour": "red", "size": 10}, "colour_red_size_10"),
        ({"dark": True, "framed": False, "badge": None}, "badge_none_dark_true_framed_false"),
    ],
)
def test_names_come_from_the_parameters_whatever_their_order(param: Mapping[str, Any], name: str) -> None:
    assert names_of([param]) == (name,)


def test_names_can_be_given() -> None:
    assert names_of({"cheap": {"delta": -1}, "same": {"delta": 0}}) == ("cheap", "same")
    assert names_of([{"delta": 5}], variant_name=staticmethod(lambda param: f"plus{param['delta']}")) == (
        "plus5",
    )


def test_params_may_be_an_iterator_and_are_inherited_or_replaced() -> None:
    class Once(ParamTest):
        key = "once"
        params: ClassVar[Any] = ({"size": n} for n in range(3))

    class Child(Once): ...

    class Replaced(Once):
        params = [{"size": 9}]

    assert Once.variant_names() == Child.variant_names() == ("size_0", "size_1", "size_2")
    assert Replaced.variant_names() == ("size_9",)


def test_a_class_keeps_its_parameters_when_the_list_is_changed_later() -> None:
    param = {"size": 1}

    class Kept(ParamTest):
        key = "kept"
        params = [param]

    param["size"] = 2
    with Kept(user=User("1")) as run:
        assert (run.variant, run()) == ("size_1", {"size": 1})


def test_methods_are_further_variants() -> None:
    class WithControl(PricingTest):
        @variant
        def control(self, price: int) -> str:
            return f"{price}, {self.param}"

    assert set(WithControl.variant_names()) == {"control", *PricingTest.variant_names()}
    answers = set()
    for number in range(200):
        with WithControl(user=User(number)) as run:
            answers.add((run.variant, run(100)))
    assert ("control", "100, {}") in answers
    assert ("price_delta_-5", 95) in answers
    assert len(answers) == 12


def test_weights_by_name() -> None:
    class Weighted(PricingTest):
        weights = dict.fromkeys(PricingTest.variant_names()[2:], 0) | {"price_delta_-5": 3}

    counts: Counter[str | None] = Counter()
    for number in range(4000):
        with Weighted(user=User(number)) as run:
            counts[run.variant] += 1
    assert set(counts) == {"price_delta_-5", "price_delta_-4"}
    assert 2900 < counts["price_delta_-5"] < 3100


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([], "Test has no variants"),
        ([{"size": 1}, {"size": 1}], "two variants called 'size_1': the parameters"),
        ([{"size": 1}, {"size": "1"}], "two variants called 'size_1'"),
        ([{"colours": ["red"]}], r"no name can be made from colours = \['red'\]; give names"),
        ([{"title": "Hello, you"}], "'title_Hello, you' cannot be a variant's name"),
        ([{"title": "x" * 60}], "cannot be a variant's name"),
        ({"dark blue": {"size": 1}}, "'dark blue' cannot be a variant's name"),
        ({1: {"size": 1}}, "1 cannot be a variant's name"),
        ([{}], "{} is no set"),
        ([{1: 2}], "{1: 2} is no set"),
        (["size"], "'size' is no set such as"),
        ({"cheap": 1}, "1 is no set"),
    ],
)
def test_wrong_parameters_are_refused_where_they_are_written(params: Any, message: str) -> None:
    with pytest.raises(InvalidSplitTest, match=message):
        names_of(params)


def test_a_set_called_like_a_method_is_refused() -> None:
    with pytest.raises(
        InvalidSplitTest, match="two variants called 'control': the method control and the param"
    ):
        names_of({"control": {"size": 1}}, control=variant(lambda self: None))


@pytest.mark.parametrize(
    ("weights", "message"), [({"cheep": 1}, "no variant is called cheep"), ({"cheap": -1}, "-1")]
)
def test_wrong_weights_are_refused(weights: Mapping[str, float], message: str) -> None:
    with pytest.raises(InvalidSplitTest, match=message):
        names_of({"cheap": {"delta": -1}}, weights=weights)


@pytest.mark.parametrize("name", ["run", "param", "weights", "variant_name"])
def test_names_of_its_own_cannot_be_variants(name: str) -> None:
    with pytest.raises(InvalidSplitTest, match=f"{name}: SplitTest uses this name"):
        names_of([{"size": 1}], **{name: variant(lambda self: None)})
