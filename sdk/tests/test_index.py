"""The index leaves tests out whose conditions cannot be met, and never one that has a variant for the user."""

from __future__ import annotations

from itertools import cycle, product
from typing import Any

from conformance.naive import Setting, decide
from conformance.pools import NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usersplit_sdk import Client, Environment, User
from usersplit_sdk.index import TERMS_LIMIT, VALUES_LIMIT

VALUES: list[Any] = [0, 1, True, "", "1", "web"]
values = st.sampled_from(VALUES)


@st.composite
def predicates(draw: st.DrawFn) -> dict[str, Any]:
    name, source = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["user", "environment"]))
    operator, operand = draw(
        st.tuples(st.just("eq"), values)
        | st.tuples(st.just("in"), st.lists(st.sampled_from(["", "1", "web"]), max_size=3))
        | st.tuples(st.just("in"), st.lists(st.sampled_from([0, 1, 2]), max_size=3))
        | st.tuples(st.just("neq"), values)
    )
    return {"filter": name, "source": source, "operator": operator, "value": operand}


def joined(operands: list[Any], connectives: list[str]) -> list[Any]:
    tree: list[Any] = []
    for operand, connective in zip(operands, connectives, strict=False):
        tree += [connective] * bool(tree) + [operand]
    return tree


chains = st.lists(st.sampled_from(["AND", "OR"]), min_size=4, max_size=4)
brackets = st.builds(joined, st.lists(predicates(), max_size=3), chains)
trees = st.builds(joined, st.lists(predicates() | brackets, max_size=4), chains)
holders = st.dictionaries(st.sampled_from(["a", "b"]), values | st.sampled_from([1.0, 2, None]), max_size=2)


def running(number: int, tree: list[Any]) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": f"t{number:02}",
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": tree,
        "variants": [{"name": "in", "split_groups": [[1, 1200]]}],
    }


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(st.lists(trees, min_size=4, max_size=4), st.lists(st.tuples(holders, holders), min_size=8, max_size=8))
def test_whoever_meets_the_conditions_of_one_of_many_tests_has_its_variant(
    drawn: list[list[Any]], subjects: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    # Combined with each other, so that a split group has enough tests for the masks.
    pairs = zip(product(drawn, drawn), cycle(["AND", "OR", "AND"]), strict=False)
    forest = [*drawn, *(joined([one, other], [word, word]) for (one, other), word in pairs)]
    documents = [running(number, tree) for number, tree in enumerate(forest)]
    client = Client.from_documents(documents)
    for profile, environment in subjects:
        user, request = {"split_group": 3, "attributes": profile}, {"attributes": environment}
        wanted = {one["key"]: decide(one, user, request, Setting(NOW))[0] for one in documents}
        found = client.active_variants(User("1", 3, profile), Environment(attributes=environment))
        assert found == {key: variant for key, variant in wanted.items() if variant is not None}


def test_tests_beyond_the_limits_of_the_index_are_still_found() -> None:
    equal = [{"filter": "a", "source": "user", "operator": "eq", "value": n} for n in range(TERMS_LIMIT + 1)]
    every = list(range(VALUES_LIMIT + 1))
    wide = [{"filter": "b", "source": "user", "operator": "in", "value": every}]
    half = [{"filter": "b", "source": "user", "operator": "in", "value": every[:2050]}]
    other = [{"filter": "b", "source": "user", "operator": "in", "value": [-n for n in every[:2060]]}]
    crossed = [joined(equal[:8], ["OR"] * 8), "AND", joined(equal[:8], ["OR"] * 8)]
    forest = [joined(equal, ["OR"] * len(equal)), wide, half, other, crossed, [], [[]], *[equal[:1]] * 9]
    client = Client.from_documents([running(number, tree) for number, tree in enumerate(forest)])
    last = client.active_variants(User("1", 3, {"a": TERMS_LIMIT, "b": VALUES_LIMIT}))
    assert set(last) == {"t00", "t01", "t05", "t06"}
    first = client.active_variants(User("1", 3, {"a": 0, "b": -2059}))
    assert set(first) == {"t00", "t03", "t04", "t05", "t06", *(f"t{n:02}" for n in range(7, 16))}
    assert set(client.active_variants(User("1", 3, {"b": 2049}))) == {"t01", "t02", "t05", "t06"}
    assert client.active_variants(User("1", 1201)) == {}


def test_two_lists_of_one_filter_allow_what_is_in_both() -> None:
    lists = {"left": [0, 1, 2, 3], "right": [3, 2, 1, 5]}
    both = {
        side: {"filter": "a", "source": "user", "operator": "in", "value": items}
        for side, items in lists.items()
    }
    tree = [both["left"], "AND", [both["right"], "OR", both["left"]], "AND", both["right"]]
    client = Client.from_documents([running(number, tree) for number in range(14)])
    for value in range(7):
        found = client.active_variants(User("1", 3, {"a": value}))
        assert len(found) == (14 if value in (1, 2, 3) else 0)


def test_a_test_that_is_only_for_some_is_not_looked_at_for_others() -> None:
    only = [{"filter": "a", "source": "user", "operator": "eq", "value": "x"}]
    client = Client.from_documents([running(number, only if number % 2 else []) for number in range(20)])
    named = [one.key for one in client._view.candidates(User("1", 3, {"a": "y"}), None)]
    assert named == [f"t{number:02}" for number in range(0, 20, 2)]
    assert list(client._view.candidates(User("1", 1300, {"a": "x"}), None)) == []
