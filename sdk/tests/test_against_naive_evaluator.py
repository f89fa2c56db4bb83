"""The compiled engine against the simplest evaluator one can write: 100,000 decisions, each in every form it has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from conformance.naive import Answer, Setting, Subject, decide
from conformance.pools import NOW, OPERANDS, TIMES
from fuzz.clocks import clock_at
from fuzz.trees import attributes, trees
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from usersplit_sdk import Client, Environment, User
from usersplit_sdk.operators import OPERATORS
from usersplit_sdk.values import to_nanoseconds

DECISIONS = 100_000
assert set(OPERANDS) == set(OPERATORS)


# ---- what may stand in a test file -----------------------------------------------------------------------------

variant_names = st.sampled_from(["control", "green"])
scopes = st.sampled_from(["everywhere", "conditions"])
outcomes = st.just({"result": "rejected"}) | st.fixed_dictionaries(
    {"result": st.just("winner"), "variant": variant_names, "scope": scopes}
)
people = st.fixed_dictionaries({"user_id": st.sampled_from(["u1", "u2"])}) | st.just({"device_id": "u1"})
forced = st.builds(
    lambda variant, environment, who: {"variant": variant, "environment": environment, **who},
    variant_names,
    st.sampled_from(["production", "devel"]),
    people,
)
RUNNING = ["running"] * 6
documents = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["dev", *RUNNING, "paused", "finished"]),
        "side": st.sampled_from(["server", "server", "client", "client_server"]),
        "starts_at": st.sampled_from([None, None, None, *TIMES]),
        "ends_at": st.sampled_from([None, None, None, *TIMES]),
        "conditions": trees,
        "forced": st.lists(forced, max_size=1) | st.just([]),
        "outcome": outcomes,
        "variants": st.sampled_from(
            [
                [
                    {"name": "control", "split_groups": [[1, 2], [5, 5]]},
                    {"name": "green", "split_groups": [[3, 4]]},
                ],
                [{"name": "control", "split_groups": []}, {"name": "green", "split_groups": [[1, 2400]]}],
            ]
        ),
    }
)


def many(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """More tests out of those drawn, their conditions combined, so that a split group has enough for the masks."""
    made = []
    for number, (first, second) in enumerate(product(drawn, drawn)):
        trees = first["conditions"], second["conditions"]
        combined = [trees[0], "OR" if number % 2 else "AND", trees[1]] if first is not second else trees[0]
        made.append({**first, "conditions": combined, "key": f"t{number}"})
    return [{"format": 1, "kind": "test", "settings_group": 7, **one} for one in made]


# ---- who asks --------------------------------------------------------------------------------------------------

flags = st.sampled_from([{}, {"is_test_user": True}, {"is_test_user": 1}])
identities = st.sampled_from([None, "u1", "u2"])
split_groups = st.sampled_from([None, 1, 3, 5, 6])
users = st.none() | st.fixed_dictionaries(
    {
        "id": identities,
        "split_group": split_groups,
        "attributes": st.builds(lambda own, flag: {**own, **flag}, attributes, flags),
    }
)
requests = st.none() | st.fixed_dictionaries(
    {
        "device_id": identities,
        "attributes": attributes,
        "supported_tests": st.sampled_from([None, [], ["t0", "t1", "t2", "t3"], {"t1", "t4"}]),
        "split_group": split_groups,
    }
)

# ---- the comparison --------------------------------------------------------------------------------------------


def for_known_devices(user: Subject, request: Subject) -> bool:
    return request is not None and request["device_id"] is not None


def split_test_class() -> type:
    class Conditions:
        def check_additional_conditions(self, user: User | None, environment: Environment) -> bool:
            return environment.device_id is not None

    return Conditions


class Compared:
    """Two clients of the same documents, one of so few that no masks are made, and the count of their decisions."""

    def __init__(self, tests: list[dict[str, Any]], groups: list[dict[str, Any]], off: list[str]) -> None:
        self.tests, self.groups, self.off = tests, groups, off
        tests_off = {"user_ids": off, "device_ids": off}
        self.client = Client.from_documents(tests, groups, tests_off=tests_off)
        self.small = Client.from_documents(tests[:4], tests_off=tests_off)
        assert self.client.status.errors == ()
        for client in (self.client, self.small):
            client.additional_conditions("t2")(split_test_class())

    def expected(self, key: str, document: dict[str, Any], user: Subject, request: Subject) -> Answer:
        additional = for_known_devices if key == "t2" else None
        return decide(document, user, request, Setting(NOW, off=self.off, additional=additional))

    def ask(self, user: Subject, request: Subject) -> int:
        """Compare all forms for one user and request; answers how many decisions that were."""
        asking = None if user is None else User(**user), None if request is None else Environment(**request)
        wanted = {}
        for document in self.tests:
            key = document["key"]
            wanted[key] = self.expected(key, document, user, request)
            assert tuple(self.client.explain(key, *asking))[:3] == wanted[key], (document, *asking)
            variant = wanted[key][0]
            assert self.client.get_active_variant(key, *asking, log_hit=False) == variant
            assert self.client.get_active_variant(key, *asking, log_hit=False) == variant
            self.check_alone(key, wanted[key], asking)
        variants = {key: answer[0] for key, answer in wanted.items() if answer[0] is not None}
        assert self.client.active_variants(*asking) == variants
        assert list(self.client.active_variants(*asking)) == sorted(variants)
        few = {document["key"] for document in self.tests[:4]}
        assert self.small.active_variants(*asking) == {key: variants[key] for key in variants if key in few}
        for group in self.groups:
            member = self.expected(group["key"], group, user, request)[0] is not None
            assert self.client.is_in_group(group["key"], *asking) is member
        return len(self.tests) + len(self.groups)

    def check_alone(self, key: str, wanted: Answer, asking: tuple[User | None, Environment | None]) -> None:
        """The fast form answers by itself: were it broken, the careful one would hide it. (It does not know for whom
        tests are off.)"""
        if wanted[1] == "TESTS_OFF":
            return
        test = self.client._view.test(key)
        assert test is not None
        try:
            variant = test.compile()(*asking, to_nanoseconds(NOW))
        except TypeError as problem:
            # Looking a list up among values is what the careful form is for.
            held = [value for one in asking if one is not None for value in one.attributes.values()]
            if "unhashable" not in str(problem) or not any(
                isinstance(value, (list, set, dict)) for value in held
            ):
                raise
        else:
            assert variant == wanted[0], (test.test, *asking)


def ways(subjects: list[tuple[Subject, Subject]]) -> Iterator[tuple[Subject, Subject]]:
    users, requests = zip(*subjects, strict=True)
    return product(users, requests)


def test_engine_agrees_with_the_naive_evaluator() -> None:
    count = owners = 0

    # An example is a few hundred decisions: making it smaller takes minutes, and its messages say enough.
    @settings(
        max_examples=215,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
    )
    @given(
        st.lists(documents, min_size=4, max_size=4),
        st.lists(st.tuples(users, requests), min_size=5, max_size=5),
        st.sampled_from([[], [], ["u1"]]),
    )
    def compare(drawn: list[dict[str, Any]], subjects: list[tuple[Subject, Subject]], off: list[str]) -> None:
        nonlocal count, owners
        tests = many(drawn)
        groups = [{**one, "kind": "group", "key": f"g{number}"} for number, one in enumerate(tests[:3])]
        compared = Compared(tests, groups, off)
        with clock_at(NOW.timestamp()):
            for user, request in ways(subjects):
                count += compared.ask(user, request)
        index, _ = compared.client._view._gather()
        owners = max(owners, *(len(index.owners(number)) for number in (0, 1, 3, 5, 6)))

    compare()
    assert owners >= 12, "no split group had enough tests for the index's masks"
    assert count >= DECISIONS
