"""Variants as code without a client: a choice by hash that is locked, weighted, and moves few when tests change."""

import json
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from math import log, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usersplit_sdk import Environment, User
from usersplit_sdk.split_tests import SplitTest, variant
from usersplit_sdk.split_tests.choosing import choose, lock_of

PEOPLE = 10_000
WEIGHTS = st.dictionaries(st.text(max_size=5), st.floats(0, 1e6) | st.integers(0, 1000), max_size=6)


class Colours(SplitTest):
    key = "colours"

    @variant
    def red(self) -> str:
        return "#f00"

    @variant(weight=2)
    def green(self) -> str:
        return "#0f0"

    @variant(weight=0.5)
    def blue(self) -> str:
        return "#00f"

    @variant(weight=0)
    def black(self) -> str:
        return "#000"


def variant_of(test: type[SplitTest], number: object, **options: Any) -> str | None:
    with test(user=User(str(number)), **options) as run:
        return run.variant


def variants_of(test: type[SplitTest]) -> list[str | None]:
    return [variant_of(test, number) for number in range(PEOPLE)]


def differs(counts: Mapping[Any, int], weights: Mapping[Any, float]) -> bool:
    """Does a chi-square test (p < 0.001) tell the counts from the weights? Wilson and Hilferty's approximation."""
    total, shares = sum(counts.values()), sum(weights.values())
    expected = {name: total * weight / shares for name, weight in weights.items()}
    statistic = sum((counts[name] - mean) ** 2 / mean for name, mean in expected.items())
    freedom = len(expected) - 1
    spread = 2 / (9 * freedom)
    return statistic > freedom * (1 - spread + 3.09 * sqrt(spread)) ** 3


def with_salt(test: type[SplitTest], salt: str) -> type[SplitTest]:
    return type("Salted", (test,), {"salt": salt})


def test_users_are_spread_by_the_weights() -> None:
    counts = Counter(variants_of(Colours))
    assert not differs(counts, {"red": 1, "green": 2, "blue": 0.5})
    assert differs(counts, {"red": 1, "green": 2, "blue": 0.6})
    assert counts["black"] == 0


def test_the_variants_code_runs_without_a_client() -> None:
    with Colours(user=User("17")) as run:
        assert (run.variant, run(), run.is_eligible, run.is_shown) == ("green", "#0f0", True, True)


def test_the_choice_is_the_documented_one_for_ever() -> None:
    def by_hand(lock: str, weights: Mapping[str, float]) -> str:
        def race(name: str) -> float:
            text = json.dumps(["variant", "colours", "", lock], separators=(",", ":")) + json.dumps(name)
            first = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
            return -log((first + 0.5) / 2**64) / weights[name]

        return min(weights, key=race)

    chosen = [variant_of(Colours, number) for number in range(12)]
    assert chosen == [by_hand(f"user:{number}", {"red": 1, "green": 2, "blue": 0.5}) for number in range(12)]
    assert " ".join(map(str, chosen)) == "green green red red green green green blue green blue green red"


def test_two_tests_and_two_salts_are_independent() -> None:
    other = type("Other", (Colours,), {"key": "other_colours"})
    salted = with_salt(Colours, "second try")
    share = {"red": 1 / 3.5, "green": 2 / 3.5, "blue": 0.5 / 3.5}
    for second in (other, salted):
        pairs = Counter(zip(variants_of(Colours), variants_of(second), strict=True))
        assert not differs(pairs, {(one, two): share[one] * share[two] for one in share for two in share})


def test_a_new_variant_takes_users_from_all_and_moves_nobody_else() -> None:
    class More(Colours):
        @variant
        def yellow(self) -> None: ...

    before, after = variants_of(Colours), variants_of(More)
    moved = Counter(old for old, new in zip(before, after, strict=True) if old != new)
    assert {new for old, new in zip(before, after, strict=True) if old != new} == {"yellow"}
    assert not differs(moved, {"red": 1, "green": 2, "blue": 0.5})


def test_a_variant_that_goes_leaves_its_users_to_the_others_alone() -> None:
    fewer = type("Fewer", (Colours,), {"green": None})
    before, after = variants_of(Colours), variants_of(fewer)
    assert all(old == new for old, new in zip(before, after, strict=True) if old != "green")
    freed = Counter(new for old, new in zip(before, after, strict=True) if old == "green")
    assert not differs(freed, {"red": 1, "blue": 0.5})


def test_a_larger_weight_moves_users_to_its_variant_only() -> None:
    class Bluer(Colours):
        @variant(weight=3)
        def blue(self) -> str:
            return "#00f"

    before, after = variants_of(Colours), variants_of(Bluer)
    assert {new for old, new in zip(before, after, strict=True) if old != new} == {"blue"}


def test_what_a_variant_is_locked_to() -> None:
    request = Environment(device_id="d", split_group=9)
    assert lock_of(User(7, 8), request, "basket 3") == "key:basket 3"
    assert lock_of(User(7, 8), request, None) == lock_of(User("7"), None, None) == "user:7"
    assert lock_of(User(None, 8), request, "") == lock_of(None, request, None) == "device:d"
    assert lock_of(None, Environment(split_group=9), None) == "split_group:9"
    assert lock_of(User(None, 8), Environment(split_group=9), None) == "split_group:8"
    assert lock_of(None, None, None) is None


def test_ids_that_cannot_be_read_are_no_lock() -> None:
    class Hostile:
        @property
        def id(self) -> str:
            raise RuntimeError

        split_group = 10**9

    hostile: Any = Hostile()
    assert lock_of(hostile, None, None) is None
    assert lock_of(User(["7"], True), Environment(device_id="\ud800"), None) == "device:\ud800"  # type: ignore[arg-type]
    with Colours(user=hostile, request=Environment(device_id="\ud800")) as run:
        assert run.variant == "green"


def test_the_lock_may_be_given_and_goes_before_the_user() -> None:
    baskets = {variant_of(Colours, number, locked_to="basket 3") for number in range(50)}
    assert len(baskets) == 1
    assert len({variant_of(Colours, 1, locked_to=f"basket {number}") for number in range(50)}) == 3


def test_with_nothing_to_lock_to_there_is_no_variant(caplog: pytest.LogCaptureFixture) -> None:
    class Anonymous(Colours):
        key = "for_nobody"

    for _ in range(2):
        with Anonymous() as run:
            assert (run.variant, run.is_eligible, run()) == (None, True, None)
    assert [record.message for record in caplog.records] == [
        "for_nobody: nothing to lock a variant to: no user id, no device id, no locked_to"
    ]


@given(st.lists(st.text(max_size=5), max_size=3), WEIGHTS, st.text(max_size=10))
def test_a_choice_is_one_of_those_with_weight_and_knows_no_order(
    space: list[str], weights: dict[str, float], lock: str
) -> None:
    chosen = choose(space, weights, lock)
    possible = {name for name, weight in weights.items() if weight > 0}
    assert chosen in possible if possible else chosen is None
    assert chosen == choose(space, dict(reversed(weights.items())), lock)


@given(WEIGHTS, st.text(max_size=10), st.data())
def test_taking_away_another_changes_no_choice(
    weights: dict[str, float], lock: str, data: st.DataObject
) -> None:
    chosen = choose(["space"], weights, lock)
    if len(weights) > 1:
        gone = data.draw(st.sampled_from(sorted(weights.keys() - {chosen})))
        del weights[gone]
    assert choose(["space"], weights, lock) == chosen
