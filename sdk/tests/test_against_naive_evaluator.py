"""The compiled engine against the simplest evaluator one can write, on random tests and users."""

from datetime import datetime, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usersplit_sdk import Client, Environment, User

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
TIMES = ["2026-11-01T00:00:00Z", "2026-11-22T12:00:00Z", "2026-12-01T00:00:00Z"]
NAMES = ["a", "b", "c"]

scalars = st.sampled_from([0, 1, 2, 1.0, 2.5, True, False, "", "1", "web", "Web"])
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.none())


def kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


def same(one: object, other: object) -> bool:
    return kind(one) == kind(other) and one == other


def holds(operator: str, value: Any, operand: Any) -> bool:
    if operator == "is_not_set":
        return value is None
    if value is None:
        return False
    return bool(NAIVE[operator](value, operand))


NAIVE: dict[str, Any] = {
    "is_set": lambda v, o: True,
    "eq": same,
    "neq": lambda v, o: kind(v) == kind(o) and v != o,
    "in": lambda v, o: any(same(v, x) for x in o),
    "not_in": lambda v, o: (
        (any(kind(v) == kind(x) for x in o) or (not o and kind(v) != "list"))
        and not any(same(v, x) for x in o)
    ),
    "gt": lambda v, o: kind(v) == "number" and v > o,
    "gte": lambda v, o: kind(v) == "number" and v >= o,
    "lt": lambda v, o: kind(v) == "number" and v < o,
    "lte": lambda v, o: kind(v) == "number" and v <= o,
    "between": lambda v, o: kind(v) == "number" and o[0] <= v <= o[1],
    "contains": lambda v, o: kind(v) == "str" and o in v,
    "starts_with": lambda v, o: kind(v) == "str" and v.startswith(o),
    "ends_with": lambda v, o: kind(v) == "str" and v.endswith(o),
    "has": lambda v, o: kind(v) == "list" and any(same(x, o) for x in v),
    "has_any": lambda v, o: kind(v) == "list" and any(same(x, y) for x in v for y in o),
    "has_none": lambda v, o: kind(v) == "list" and not any(same(x, y) for x in v for y in o),
}

numbers = st.sampled_from([-1, 0, 1, 2, 2.5])
texts = st.sampled_from(["", "1", "web", "eb"])
OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["eq", "neq", "has"], scalars),
    **dict.fromkeys(["in", "not_in", "has_any", "has_none"], st.lists(scalars, max_size=3)),
    **dict.fromkeys(["gt", "gte", "lt", "lte"], numbers),
    "between": st.lists(numbers, min_size=2, max_size=2),
    **dict.fromkeys(["contains", "starts_with", "ends_with"], texts),
    **dict.fromkeys(["is_set", "is_not_set"], st.none()),
}


@st.composite
def predicates(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(OPERANDS)))
    return {
        "filter": draw(st.sampled_from(NAMES)),
        "source": draw(st.sampled_from(["user", "environment"])),
        "operator": operator,
        "value": draw(OPERANDS[operator]),
    }


@st.composite
def alternating(draw: st.DrawFn, operands: st.SearchStrategy[Any]) -> list[Any]:
    items = draw(st.lists(operands, max_size=5))
    tree: list[Any] = []
    for item in items:
        if tree:
            tree.append(draw(st.sampled_from(["AND", "OR"])))
        tree.append(item)
    return tree


trees = st.recursive(predicates(), alternating, max_leaves=8).map(lambda t: t if isinstance(t, list) else [t])


def met(tree: list[Any], path: str, user: dict[str, Any], request: dict[str, Any]) -> tuple[bool, str]:
    """Left to right, one operand after the other, skipping what cannot matter any more."""
    if not tree:
        return True, path
    answer, place = True, path
    for index in range(0, len(tree), 2):
        connective = tree[index - 1] if index else "AND"
        if connective == "OR" and answer:
            return True, place
        if connective == "AND" and not answer:
            continue
        item, place = tree[index], f"{path}[{index}]"
        if isinstance(item, list):
            answer, place = met(item, place, user, request)
        else:
            attributes = user if item["source"] == "user" else request
            answer = holds(item["operator"], attributes.get(item["filter"]), item["value"])
    return answer, place


def expected(doc: dict[str, Any], user: User | None, request: Environment, off: list[str]) -> tuple[Any, ...]:
    profile = {} if user is None else dict(user.attributes)
    fulfilled, path = met(doc["conditions"], "conditions", profile, dict(request.attributes))
    if doc["status"] == "finished":
        outcome = doc["outcome"]
        if outcome["result"] == "rejected":
            return None, "REJECTED", None
        if outcome["scope"] == "conditions" and not fulfilled:
            return None, "CONDITIONS_NOT_MET", path
        return outcome["variant"], "WINNER", None
    ids = {"user_id": None if user is None else user.id, "device_id": request.device_id}
    for name, identity in ids.items():
        for entry in doc["forced"]:
            if identity is not None and entry.get(name) == identity and entry["environment"] == "production":
                return entry["variant"], "FORCED", None
    number = request.split_group if user is None else user.split_group
    late = (doc["starts_at"] or "") > TIMES[1] or (doc["ends_at"] or "9") <= TIMES[1]
    owners = [v["name"] for v in doc["variants"] for a, b in v["split_groups"] if number and a <= number <= b]
    refusals = [
        ("TESTS_OFF", ids["user_id"] in off or ids["device_id"] in off),
        ("PAUSED", doc["status"] == "paused"),
        ("NOT_A_TEST_USER", doc["status"] == "dev" and profile.get("is_test_user") is not True),
        ("OUTSIDE_DATES", doc["status"] == "running" and late),
        ("CONDITIONS_NOT_MET", not fulfilled),
        ("NOT_SUPPORTED_BY_CLIENT", doc["side"] != "server" and "t1" not in (request.supported_tests or [])),
        ("NO_SPLIT_GROUP", not number),
        ("SPLIT_GROUP_NOT_IN_TEST", not owners),
    ]
    for reason, refused in refusals:
        if refused:
            return None, reason, path if reason == "CONDITIONS_NOT_MET" else None
    return owners[0], "SPLIT", None


variant_names = st.sampled_from(["control", "green"])
identities = st.sampled_from([None, "u1", "u2"])
outcomes = st.one_of(
    st.just({"result": "rejected"}),
    st.fixed_dictionaries(
        {
            "result": st.just("winner"),
            "variant": variant_names,
            "scope": st.sampled_from(["everywhere", "conditions"]),
        }
    ),
)
forced_entries = st.fixed_dictionaries(
    {"variant": variant_names, "environment": st.sampled_from(["production", "devel"])},
    optional={"user_id": st.sampled_from(["u1", "u2"])},
).map(lambda entry: entry if "user_id" in entry else {**entry, "device_id": "u1"})
documents = st.fixed_dictionaries(
    {
        "format": st.just(1),
        "kind": st.just("test"),
        "key": st.just("t1"),
        "status": st.sampled_from(["dev", "running", "running", "running", "paused", "finished"]),
        "side": st.sampled_from(["server", "server", "client", "client_server"]),
        "settings_group": st.just(7),
        "starts_at": st.sampled_from([None, *TIMES]),
        "ends_at": st.sampled_from([None, None, *TIMES]),
        "conditions": trees,
        "variants": st.just(
            [
                {"name": "control", "split_groups": [[1, 2], [5, 5]]},
                {"name": "green", "split_groups": [[3, 4]]},
            ]
        ),
        "forced": st.lists(forced_entries, max_size=1),
        "outcome": outcomes,
    }
)
attributes = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)
flags = st.sampled_from([{}, {"is_test_user": True}, {"is_test_user": 1}])
profiles = st.builds(lambda own, flag: {**own, **flag}, attributes, flags)
split_groups = st.sampled_from([None, 1, 3, 5, 6])
users = st.one_of(st.none(), st.builds(User, id=identities, split_group=split_groups, attributes=profiles))
requests = st.builds(
    Environment,
    device_id=identities,
    attributes=attributes,
    supported_tests=st.sampled_from([None, [], ["t1"]]),
    split_group=split_groups,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    documents, st.lists(st.tuples(users, requests), min_size=5, max_size=10), st.sampled_from([[], ["u1"]])
)
def test_engine_agrees_with_the_naive_evaluator(
    doc: dict[str, Any], subjects: list[tuple[User | None, Environment]], off: list[str]
) -> None:
    client = Client.from_documents([doc], tests_off={"user_ids": off, "device_ids": off})
    assert client.status.errors == ()
    for user, request in subjects:
        decision = client.explain("t1", user, request, now=NOW)
        assert (decision.variant, decision.reason, decision.detail) == expected(doc, user, request, off)
