"""Types that applications get: checked by mypy --strict, which also tells a ``type: ignore`` that is not needed."""

import sys
from typing import Any

import pytest

from usersplit_sdk import Client, Environment, NullHits, User
from usersplit_sdk.split_tests import MultiTest, ParamTest, Run, SplitClient, SplitTest, per_call, variant

if sys.version_info >= (3, 11):
    from typing import assert_type
else:

    def assert_type(value: Any, kind: Any, /) -> Any:
        """What ``typing`` has from Python 3.11 on."""
        return value


class DelayTest(SplitTest):
    key = "catalogue_delay"
    salt = "1"
    weight = 50

    def is_eligible(self) -> bool:
        return bool(self.context.get("eligible", True))

    @variant
    def control(self, page: str) -> int:
        return len(page)

    @variant(name="long", weight=2)
    async def long_delay(self, page: str) -> int:
        return len(page)

    def default(self, page: str) -> int:
        return 0


class PricingTest(ParamTest):
    key = "pricing"
    params = [{"price_delta": n} for n in range(-5, 6)]
    weights = {"price_delta_0": 10}

    def run(self, price: int) -> int:
        return price + int(self.param["price_delta"])


class NamedPricingTest(ParamTest):
    key = "named_pricing"
    params = {"cheap": {"price_delta": -1}, "same": {"price_delta": 0}}


def test_methods_keep_their_types() -> None:
    test = DelayTest(user=User("1"))
    assert_type(test.control("page"), int)
    assert_type(DelayTest.variant_names(), tuple[str, ...])
    assert test.control("page") == 4
    with pytest.raises(TypeError):
        test.control(5)  # type: ignore[arg-type]


def test_a_run_knows_its_test() -> None:
    with PricingTest(user=User("1"), context={"eligible": True}) as run:
        assert_type(run, Run[PricingTest])
        assert_type(run.test, PricingTest)
        assert_type(run.variant, str | None)
        assert_type(run.is_eligible, bool)
        price: int | None = run(100)
        assert price == run.test.run(100)
    with NamedPricingTest(user=User("1")) as named:
        assert named.variant in {"cheap", "same"}


def test_a_run_of_several_may_have_no_test() -> None:
    with MultiTest(
        [DelayTest, PricingTest], user=User("1"), weights={PricingTest: 1000, DelayTest: 0}
    ) as run:
        assert_type(run, Run[SplitTest | None])
        assert_type(run.key, str | None)
        assert isinstance(run.test, PricingTest)
        assert run.test.key == "pricing"
        assert run.test.param["price_delta"] in range(-5, 6)


def test_decorated_functions_lose_the_run_and_keep_the_rest() -> None:
    @PricingTest(user=User("1"))
    def fixed(run: Run[PricingTest], price: int) -> str:
        return f"{run(price)}"

    @per_call(lambda user, price: PricingTest(user=user))
    def called(run: Run[PricingTest], user: User, price: int) -> str:
        return f"{run(price)}"

    assert_type(fixed(100), str)
    assert_type(called(User("1"), price=100), str)
    assert fixed(100) == called(User("1"), 100)
    with pytest.raises(TypeError):
        fixed("100")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        called(100)  # type: ignore[arg-type, call-arg]


def test_a_decorated_function_must_take_the_run_of_this_test() -> None:
    @PricingTest(user=User("1"))  # type: ignore[arg-type]
    def wrong(run: Run[DelayTest]) -> str | None:
        return run.variant

    assert wrong() is not None


def test_the_client_is_a_split_client() -> None:
    client: SplitClient = Client.from_documents([], hits=NullHits())
    with DelayTest(client, User("1"), Environment(), context={"eligible": True}, locked_to=7) as run:
        assert run.variant is None
    with pytest.raises(TypeError):
        DelayTest(client, None, None, {})  # type: ignore[call-arg]
