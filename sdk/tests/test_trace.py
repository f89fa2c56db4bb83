"""A trace tells what the engine looked at and what it found: no less, no more, and nothing of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from conformance.naive import holds, met
from conformance.pools import NOW
from fuzz.documents import any_json
from fuzz.hostile_objects import REQUESTS, USERS, VALUES
from fuzz.trees import attributes, trees
from hypothesis import given, settings
from hypothesis import strategies as st

from usersplit_sdk import Client, Environment, User, trace_conditions, trace_decision
from usersplit_sdk.conditions import PREDICATE_LIMIT
from usersplit_sdk.trace import Absent, BracketTrace, PredicateTrace, State
from usersplit_sdk.values import asked_nanoseconds, to_nanoseconds

TRUE, FALSE, SKIPPED = State.TRUE, State.FALSE, State.NOT_EVALUATED


def ask(name: str, value: object = 1, *, operator: str = "eq", source: str = "user") -> dict[str, Any]:
    return {"filter": name, "source": source, "operator": operator, "value": value}


def document(conditions: list[Any]) -> dict[str, Any]:
    return {
        "format": 1, "kind": "test", "key": "green_button", "status": "running", "side": "server", "settings_group": 3,
        "conditions": conditions, "variants": [{"name": "green", "split_groups": [[1, 2400]]}],
    }  # fmt: skip


class Watched(Mapping[str, object]):
    """Attributes that write down what is read of them, in one list for the user's and the request's."""

    def __init__(self, source: str, values: Mapping[str, object], reads: list[tuple[str, str]]) -> None:
        self.source, self.values_, self.reads = source, values, reads

    def __getitem__(self, name: str) -> object:
        # The engine itself looks whether it is a test user; no tree asks for that here.
        if name != "is_test_user":
            self.reads.append((self.source, name))
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def test_a_trace_tells_what_the_engine_reads_and_answers() -> None:
    seen_states: set[State] = set()

    @settings(max_examples=300, deadline=None, database=None)
    @given(trees, st.none() | attributes, attributes)
    def compare(tree: list[Any], profile: dict[str, Any] | None, request: dict[str, Any]) -> None:
        reads: list[tuple[str, str]] = []
        user = None if profile is None else User("1", 7, Watched("user", profile, reads))
        environment = Environment(attributes=Watched("environment", request, reads))
        client = Client.from_documents([document(tree)])

        trace = trace_conditions(tree, user, environment, NOW)
        traced = reads.copy()
        decision = client.explain("green_button", user, environment, now=NOW)
        decided = reads[len(traced) :]

        fulfilled, place = met(tree, {"attributes": profile}, {"attributes": request}, NOW)
        assert (trace.met, trace.decided) == (fulfilled, place)
        assert (trace.root.state is TRUE) is fulfilled
        assert decision.detail == (None if fulfilled else trace.decided)
        looked_at = [one for one in trace.predicates() if one.state is not SKIPPED]
        asked = [(one.source, one.filter) for one in looked_at if one.source != "user" or user is not None]
        assert traced == decided == asked
        for one in looked_at:
            value = (profile or {} if one.source == "user" else request).get(one.filter)
            assert one.seen is (Absent.MISSING if value is None else value)
            assert (one.state is TRUE) is holds(at(tree, one.path), value, NOW)
        check_states(trace.root)
        seen_states.update(one.state for one in trace.predicates())
        json.dumps(trace.as_json(), allow_nan=False)

    compare()
    assert seen_states == set(State)


def at(tree: Any, path: str) -> Any:
    for index in path.removeprefix("conditions")[1:-1].split("]["):
        tree = tree[int(index)]
    return tree


def check_states(bracket: BracketTrace) -> None:
    """What was skipped lies behind what made it needless, and nothing else was."""
    before: list[State] = []
    for chain in bracket.chains:
        states = [one.state for one in chain.operands]
        if bracket.state is SKIPPED or TRUE in before:
            assert set(states) == {SKIPPED}
        else:
            first = states.index(FALSE) if FALSE in states else len(states)
            assert states == [
                *[TRUE] * first,
                *[FALSE] * (first < len(states)),
                *[SKIPPED] * (len(states) - first - 1),
            ]
        assert chain.state is (FALSE if FALSE in states else SKIPPED if SKIPPED in states else TRUE)
        before.append(chain.state)
        for one in chain.operands:
            if isinstance(one, BracketTrace):
                check_states(one)
    if bracket.state is not SKIPPED and bracket.chains:
        assert bracket.state is (TRUE if TRUE in before else FALSE)


def test_and_binds_tighter_than_or() -> None:
    tree = [
        ask("a"),
        "AND",
        ask("b"),
        "OR",
        ask("c"),
        "AND",
        [ask("a", 2), "OR", ask("d", source="environment")],
        "OR",
        ask("e"),
    ]
    trace = trace_conditions(tree, User("1", attributes={"a": 1, "c": 1}), Environment(attributes={"d": 1}))
    assert [len(chain.operands) for chain in trace.root.chains] == [2, 2, 1]
    assert [chain.state for chain in trace.root.chains] == [FALSE, TRUE, SKIPPED]
    assert [(one.path, one.state, one.seen) for one in trace.predicates()] == [
        ("conditions[0]", TRUE, 1),
        ("conditions[2]", FALSE, Absent.MISSING),
        ("conditions[4]", TRUE, 1),
        ("conditions[6][0]", FALSE, 1),
        ("conditions[6][2]", TRUE, 1),
        ("conditions[8]", SKIPPED, Absent.NOT_READ),
    ]  # fmt: skip
    assert (trace.met, trace.decided, trace.error) == (True, "conditions[6][2]", None)


def test_a_predicate_is_told_as_the_file_has_it() -> None:
    tree = [
        ask("country_id", [50, 60], operator="in"),
        "AND",
        ask("platform", None, operator="is_set", source="environment"),
    ]
    first, second = trace_conditions(tree, User("1", attributes={"country_id": 7})).predicates()
    assert first == PredicateTrace("conditions[0]", FALSE, "country_id", "user", "in", [50, 60], 7)
    assert second[2:] == ("platform", "environment", "is_set", None, Absent.NOT_READ)


def test_the_empty_list_is_met_and_an_empty_bracket_too() -> None:
    assert trace_conditions([]).root == BracketTrace("conditions", TRUE)
    trace = trace_conditions([ask("a"), "OR", [], "OR", [[]]])
    states = [chain.operands[0].state for chain in trace.root.chains]
    assert (states, trace.met, trace.decided) == ([FALSE, TRUE, SKIPPED], True, "conditions[2]")


def test_a_guest_has_no_profile() -> None:
    tree = [ask("a", operator="is_not_set"), "AND", ask("a")]
    assert [(one.state, one.seen) for one in trace_conditions(tree, None).predicates()] == [
        (TRUE, Absent.MISSING),
        (FALSE, Absent.MISSING),
    ]


def test_a_tree_of_the_largest_size_is_traced() -> None:
    tree: list[Any] = []
    for number in range(PREDICATE_LIMIT):
        tree += ["OR"] * bool(tree) + [ask("a", number)]
    for _ in range(31):
        tree = [tree]
    trace = trace_conditions(tree, User("1", attributes={"a": 9000}))
    states = [one.state for one in trace.predicates()]
    assert trace.met
    assert states == [FALSE] * 9000 + [TRUE] + [SKIPPED] * 999
    assert trace.as_json()["met"] is True


@pytest.mark.parametrize(
    "tree",
    [
        None, {}, "x", [1], [ask("a"), "XOR", ask("b")], [ask("a", operator="like")], [{"filter": "a"}],
        [ask("a", "(", operator="matches")],
    ],
)  # fmt: skip
def test_a_tree_that_cannot_be_used_is_told_with_its_place(tree: object) -> None:
    trace = trace_conditions(tree, User("1"))
    assert not trace.met
    assert trace.root == BracketTrace("conditions", SKIPPED)
    assert trace.error is not None
    assert trace.error.startswith("conditions")


@settings(max_examples=150, deadline=None, database=None)
@given(any_json)
def test_nothing_that_stands_in_a_file_makes_it_raise(tree: object) -> None:
    json.dumps(trace_conditions(tree, User("1", attributes={"a": tree})).as_json(), allow_nan=False)


def test_no_value_makes_it_raise() -> None:
    tree = [
        ask("a"), "OR", ask("a", ["x"], operator="in"), "OR", ask("a", "x", operator="contains"),
        "OR", ask("a", "2026-01-01", operator="gt"), "OR", ask("a", None, operator="is_set"),
    ]  # fmt: skip
    for value in VALUES:
        trace = trace_conditions(tree, User("1", attributes={"a": value}))
        json.dumps(trace.as_json(), allow_nan=False)


def test_no_user_and_no_request_makes_it_raise() -> None:
    for user, request in [*((user, None) for user in USERS), *((None, request) for request in REQUESTS)]:
        trace = trace_conditions([ask("a"), "OR", ask("b", source="environment")], user, request)
        json.dumps(trace.as_json(), allow_nan=False)


def test_a_value_that_cannot_be_read_is_marked() -> None:
    class Failing(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            raise LookupError(name)

    (one,) = trace_conditions([ask("a", operator="is_not_set")], User("1", attributes=Failing())).predicates()
    assert (one.state, one.seen) == (FALSE, Absent.UNREADABLE)


def test_long_values_are_cut_and_odd_ones_shown() -> None:
    values = {"a": "x" * 10_000, "b": list(range(1000)), "c": {1, 2}, "d": 2**70, "e": NOW}
    tree = [ask("a"), "OR", ask("b"), "OR", ask("c"), "OR", ask("d"), "OR", ask("e")]
    told = json.loads(json.dumps(trace_conditions(tree, User("1", attributes=values)).as_json()))
    a, b, c, d, e = (chain["operands"][0]["seen"] for chain in told["conditions"]["chains"])
    assert (len(a), len(b), b[-1]) == (500, 51, "… 1000 items")
    assert (c, d, e) == ("{1, 2}", str(2**70), "2026-11-22T12:00:00+00:00")


# ---- a test's decision with its conditions ----------------------------------------------------------------------


def test_a_decision_comes_with_the_conditions_of_the_same_test() -> None:
    client = Client.from_documents([document([ask("a"), "AND", ask("b")])])
    user = User("1", 7, {"a": 1})
    found = trace_decision(client, "green_button", user)
    assert found.decision == client.explain("green_button", user)
    assert found.conditions is not None
    assert found.conditions.decided == found.decision.detail == "conditions[2]"


def test_conditions_are_traced_for_the_time_that_was_asked_about() -> None:
    client = Client.from_documents([document([ask("since", 3, operator="within_days")])])
    user = User("1", 7, {"since": NOW})
    for days, wanted in ((1, True), (5, False)):
        found = trace_decision(client, "green_button", user, now=NOW + timedelta(days=days))
        assert found.conditions is not None
        assert (found.decision.variant is not None) is found.conditions.met is wanted


@pytest.mark.parametrize(
    ("moment", "edge"),
    [
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))), datetime.max),  # noqa: DTZ901 - the very end
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=5))), datetime.min),  # noqa: DTZ901 - the very beginning
    ],
)
def test_a_time_beyond_the_calendar_is_its_edge(moment: datetime, edge: datetime) -> None:
    client = Client.from_documents([document([ask("since", 3, operator="older_than_days"), "OR", []])])
    user = User("1", 7, {"since": edge})
    found = trace_decision(client, "green_button", user, now=moment)
    assert found.conditions is not None
    assert found.conditions.met
    assert found.decision.variant == "green"
    assert asked_nanoseconds(moment) == to_nanoseconds(edge.replace(tzinfo=timezone.utc))


def test_without_a_usable_test_there_is_nothing_to_trace() -> None:
    client = Client.from_documents([document(["XOR"])], on_error=lambda problem: None)
    assert trace_decision(client, "green_button").conditions is None
    assert trace_decision(client, "red_banner").conditions is None
    assert trace_decision(client, [1]).conditions is None  # type: ignore[arg-type]
