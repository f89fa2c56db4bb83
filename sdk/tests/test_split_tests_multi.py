"""One of several tests: those that the user is eligible for compete by weight, and only the chosen one runs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from usersplit_sdk import Client, Environment, Problem, RecordingHits, User
from usersplit_sdk.split_tests import MultiTest, ParamTest, SplitTest, per_call, variant
from usersplit_sdk.split_tests.multi_test import MultiRun


class DelayTest(SplitTest):
    key = "catalogue_delay"

    def is_eligible(self) -> bool:
        return not self.context.get("is_vip", False)

    @variant
    def control(self, page: str) -> str:
        return f"{page} at once"

    @variant(name="long")
    def long_delay(self, page: str) -> str:
        return f"{page} later"


class PricingTest(ParamTest):
    key = "pricing"
    params = [{"price_delta": n} for n in range(-5, 6)]

    def run(self, page: str) -> str:
        return f"{page} {self.param['price_delta']}"


class BadgeTest(SplitTest):
    key = "badge"

    @variant
    def star(self, page: str) -> str:
        return f"{page} *"


ALL = (DelayTest, PricingTest, BadgeTest)


def chosen(tests: Sequence[type[SplitTest]], people: int = 4000, **options: Any) -> list[str | None]:
    keys = []
    for number in range(people):
        with MultiTest(tests, user=User(number), **options) as run:
            keys.append(run.key)
    return keys


def document(key: str, *variants: tuple[str, list[list[int]]], **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": name, "split_groups": groups} for name, groups in variants],
        **changes,
    }


def test_the_run_is_that_of_the_chosen_test() -> None:
    answers = set()
    for number in range(200):
        with MultiTest([DelayTest, BadgeTest], user=User(number)) as run:
            assert run.test is not None
            assert (run.key, run.variant, run.is_eligible) == (run.test.key, run.test.variant, True)
            answers.add((type(run.test), run.variant, run("page")))
    assert answers == {
        (DelayTest, "control", "page at once"),
        (DelayTest, "long", "page later"),
        (BadgeTest, "star", "page *"),
    }


def test_tests_are_chosen_by_weight() -> None:
    even = Counter(chosen(ALL))
    assert all(abs(even[test.key] - 4000 / 3) < 105 for test in ALL)
    weighted = Counter(chosen([DelayTest, PricingTest], weights={PricingTest: 1000}))
    assert abs(weighted["pricing"] - 4000 * 10 / 11) < 70
    heavy = type("Heavy", (BadgeTest,), {"weight": 300})
    assert abs(Counter(chosen([DelayTest, heavy]))["badge"] - 3000) < 100


def test_a_test_without_weight_is_never_chosen() -> None:
    assert set(chosen(ALL, 300, weights={DelayTest: 0, BadgeTest: 0.0})) == {"pricing"}
    with MultiTest([DelayTest], user=User("1"), weights={DelayTest: 0}) as run:
        assert (run.test, run.variant, run.is_eligible, run("page")) == (None, None, True, None)


def test_the_choice_is_locked_to_the_user_whatever_the_order() -> None:
    assert chosen(ALL, 300) == chosen(ALL, 300) == chosen(ALL[::-1], 300)
    baskets = set(chosen(ALL, 300, locked_to="basket 3"))
    assert len(baskets) == 1


def test_only_tests_the_user_is_eligible_for_compete_and_the_others_keep_their_users() -> None:
    everybody, vips = chosen(ALL), chosen(ALL, context={"is_vip": True})
    assert set(vips) == {"pricing", "badge"}
    stayed = [(old, new) for old, new in zip(everybody, vips, strict=True) if old != "catalogue_delay"]
    assert all(old == new for old, new in stayed)
    freed = Counter(new for old, new in zip(everybody, vips, strict=True) if old == "catalogue_delay")
    assert abs(freed["pricing"] - freed["badge"]) < 130


def test_a_test_that_is_added_moves_users_only_to_itself() -> None:
    before, after = chosen([DelayTest, PricingTest]), chosen(ALL)
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert {new for _, new in moved} == {"badge"}
    assert abs(len(moved) - 4000 / 3) < 105


def test_which_test_says_nothing_about_which_variant() -> None:
    variants: Counter[str | None] = Counter()
    for number in range(4000):
        with MultiTest([DelayTest, BadgeTest], user=User(number)) as run:
            variants[run.variant] += 1
    assert abs(variants["control"] - variants["long"]) < 150


def test_a_key_makes_the_choice_its_own() -> None:
    assert MultiTest(ALL).key == "catalogue_delay/pricing/badge"
    named = MultiTest(ALL, key="front_page")
    assert named.key == "front_page"
    pairs = Counter(zip(chosen(ALL), chosen(ALL, key="front_page"), strict=True))
    assert all(abs(pairs[one.key, two.key] - 4000 / 9) < 80 for one in ALL for two in ALL)


def test_nobody_eligible_and_no_tests_at_all() -> None:
    with MultiTest([DelayTest], user=User("1"), context={"is_vip": True}) as run:
        assert (run.test, run.key, run.variant, run.is_eligible, run("page")) == (
            None,
            None,
            None,
            False,
            None,
        )
    with MultiTest([], user=User("1")) as run:
        assert (run.key, run.log_hit()) == (None, False)


def test_with_a_client_the_tests_in_which_the_user_has_a_variant_compete() -> None:
    sink = RecordingHits()
    client = Client.from_documents(
        [
            document("catalogue_delay", ("control", [[1, 100]]), ("long", [[101, 200]])),
            document("badge", ("star", [[151, 300]])),
        ],
        hits=sink,
    )

    def run_for(number: int, split_group: int) -> str | None:
        user = User(f"{split_group}-{number}", split_group)
        with MultiTest(ALL, client, user, weights={DelayTest: 300}) as run:
            run("page")
            return run.variant

    assert {run_for(number, 50) for number in range(50)} == {"control"}
    assert {run_for(number, 250) for number in range(50)} == {"star"}
    assert {run_for(number, 400) for number in range(50)} == {None}
    both = Counter(run_for(number, 160) for number in range(4000))
    assert abs(both["long"] - 3000) < 120
    assert both["star"] == 4000 - both["long"]
    assert len(sink.hits) == 4100


def test_somebody_without_any_id_still_gets_a_winner() -> None:
    winner = {"result": "winner", "variant": "star", "scope": "everywhere"}
    client = Client.from_documents([document("badge", ("star", []), status="finished", outcome=winner)])
    with MultiTest([BadgeTest, DelayTest], client) as run:
        assert run("page") == "page *"


def test_a_broken_is_eligible_takes_its_own_test_out_and_is_reported() -> None:
    problems: list[Problem] = []

    class Broken(BadgeTest):
        def is_eligible(self) -> bool:
            raise RuntimeError

    client = Client.from_documents(
        [document("catalogue_delay", ("long", [[1, 2400]]))], on_error=problems.append
    )
    for number in range(20):
        with MultiTest([Broken, DelayTest], client, User(number, 1)) as run:
            assert run.variant == "long"
    [problem] = problems
    assert problem.where == "badge"


def test_as_a_decorator() -> None:
    @MultiTest([BadgeTest], user=User("1"))
    def front(run: MultiRun, page: str) -> str:
        return f"{run.variant}: {run(page)}"

    @per_call(lambda request: MultiTest([BadgeTest], request=request))
    def for_guest(run: MultiRun, request: Environment) -> Any:
        return run("guest's page")

    assert front("a") == "star: a *"
    assert for_guest(Environment(device_id="d")) == "guest's page *"


def test_what_the_chosen_test_raises_goes_through() -> None:
    with pytest.raises(TypeError), MultiTest([BadgeTest], user=User("1")) as run:
        run("too", "many")
