"""Nothing of a test file ever becomes code: what is compiled is the same whatever the texts in the file are."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from conformance.naive import Setting, decide
from conformance.pools import NOW
from fuzz.documents import TRICKS
from hypothesis import given, settings
from hypothesis import strategies as st

from usersplit_sdk import Client, Environment, Reason, User, conditions
from usersplit_sdk.conditions import DEPTH_LIMIT, PREDICATE_LIMIT

MARK = "zq7"
texts = st.sampled_from(TRICKS) | st.text(max_size=12)
marked = st.builds(lambda before, after: f"{before}{MARK}{after}", texts, texts)
NAMES = {
    "make", "check", "decide", "compare", "traced", "part", "user", "request", "now", "moment", "value", "profile",
    "environment", "variant", "variants", "split_group", "met", "decided", "v", "found", "pair", "subject", "off",
}  # fmt: skip


@contextmanager
def compiled() -> Iterator[list[str]]:
    """What is compiled meanwhile."""
    sources: list[str] = []
    really = builtins.compile

    def watched(source: Any, filename: Any, *rest: Any, **options: Any) -> Any:
        if filename == "<test file>":
            sources.append(source)
        return really(source, filename, *rest, **options)

    # What has the same source is compiled once; here everything is to be seen.
    conditions._compiled.cache_clear()
    with patch.object(builtins, "compile", watched):
        yield sources


def predicates(name: str, text: str, source: str) -> list[Any]:
    """Every operator that takes a text, and some that take others; each is met by the text."""
    with_text: dict[str, Any] = {
        "eq": text,
        "in": [text, text + "x"],
        "not_in": [text + "x"],
        "neq": text + "x",
        "contains": text,
        "starts_with": text,
        "ends_with": text,
        "is_set": None,
    }
    tree: list[Any] = []
    for operator, operand in with_text.items():
        tree += ["AND", {"filter": name, "source": source, "operator": operator, "value": operand}]
    for operator, operand in {"has": text, "has_any": [text], "has_none": [text + "x"]}.items():
        tree += ["AND", {"filter": "list" + name, "source": source, "operator": operator, "value": operand}]
    return tree[1:]


def document(name: str, text: str, variant: str, who: str, key: str = "t1") -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "client",
        "settings_group": 1,
        "starts_at": "2020-01-01T00:00:00Z",
        "conditions": [predicates(name, text, "user"), "AND", predicates(name, text, "environment")],
        "variants": [{"name": variant, "split_groups": [[1, 2400]], "payload": {text: text}}],
        "forced": [
            {"variant": variant, "environment": who, "user_id": who},
            {"variant": variant, "environment": who, "device_id": who},
        ],
        "tokens": {text: {variant: {text: text}}},
    }


def answers(name: str, text: str, variant: str, who: str) -> list[str]:
    """The sources of a test; its answers are looked at, too."""
    attributes = {name: text, "list" + name: [text]}
    user, request = User("1", 3, attributes), Environment("d", attributes, ["t1"])
    with compiled() as sources:
        client = Client.from_documents([document(name, text, variant, who)], environment=who)
        assert client.status.errors == ()
        for _ in range(2):
            assert client.get_active_variant("t1", user, request, log_hit=False) == variant
        assert client.explain("t1", user, request)[:2] == (variant, Reason.SPLIT)
        assert client.explain("t1", User("1", 3, {name: text + "y"}), request).variant is None
        assert client.explain("t1", User(who, 3), request)[:2] == (variant, Reason.FORCED)
        assert client.active_variants(None, Environment(who)) == {"t1": variant}
        assert client.text(text, user, request, language=text, default="") == text
        assert client.payload("t1", user, request) == {text: text}
    return sources


@settings(max_examples=60, deadline=None)
@given(marked, marked, marked, marked)
def test_the_code_is_the_same_whatever_the_texts_are(name: str, text: str, variant: str, who: str) -> None:
    found = answers(name, text, variant, who)
    assert found, "nothing was compiled"
    assert not any(MARK in source for source in found)
    assert found == answers("filter", "text", "variant", "who")


def test_code_is_made_of_known_names_and_of_no_texts() -> None:
    known = (
        NAMES
        | set(vars(builtins))
        | {"identity", "nothing", "off", "key", "containers", "is_number", "Decision"}
    )
    tricks = [f"{trick}{MARK}" for trick in TRICKS]
    for trick in tricks:
        for source in answers(trick, trick, trick, trick):
            for node in ast.walk(ast.parse(source)):
                assert not isinstance(node, (ast.Import, ast.ImportFrom, ast.Await, ast.ClassDef))
                if isinstance(node, ast.Constant):
                    assert node.value in (None, True, False, 0, "is_test_user"), source
                if isinstance(node, ast.Attribute):
                    assert not node.attr.startswith("__") or node.attr == "__class__"
                if isinstance(node, ast.Name) and node.id not in known:
                    assert node.id[1:].isdigit() or node.id in _names_of_rules(), node.id


def _names_of_rules() -> set[str]:
    """Names that the engine binds, for every test the same ones."""
    return {
        "forced_users", "forced_devices", "starts_at", "ends_at", "winner", "additional", "from_nanoseconds", "number",
        "conditions_met", "Reason",
    }  # fmt: skip


@pytest.mark.parametrize(
    "key", ["user", "profile", "variants", "check", "nothing", "identity", "x1", "def", "__class__"]
)
def test_keys_that_are_names_of_the_code(key: str) -> None:
    client = Client.from_documents([document("a", "b", "c", "who", key)])
    request = Environment("d", {"a": "b", "lista": ["b"]}, [key])
    found = client.explain(key, User("1", 3, {"a": "b", "lista": ["b"]}), request)
    assert found.variant == (None if key.startswith("_") else "c")


def test_numbers_and_patterns_are_no_code_either() -> None:
    number = 7393913
    operands: dict[str, Any] = {
        **dict.fromkeys(["eq", "gte", "lte"], number),
        "in": [number, True, "x"],
        "has_any": [number],
        "between": [number, number + 0.5],
        "within_days": 7393,
        "matches": "^7393913$",
        "version_gt": "7393.913",
    }
    for operator, operand in operands.items():
        one = {"filter": "a", "source": "user", "operator": operator, "value": operand}
        values = {
            "has_any": [number],
            "within_days": "2020-01-01",
            "matches": "7393913",
            "version_gt": "7394",
        }
        with compiled() as sources:
            client = Client.from_documents(
                [{**document("a", "b", "v", "w"), "conditions": [one], "side": "server"}]
            )
            user = User("1", 3, {"a": values.get(operator, number)})
            assert client.explain("t1", user).variant == "v", operator
            assert client.get_active_variant("t1", user) == "v", operator
        assert len(sources) > 1
        assert not any("7393" in source for source in sources)


# ---- trees at the limits ---------------------------------------------------------------------------------------


def joined(operands: list[Any], *connectives: str) -> list[Any]:
    tree: list[Any] = []
    for number, operand in enumerate(operands):
        tree += [connectives[number % len(connectives)]] * bool(tree) + [operand]
    return tree


def equals(number: int) -> dict[str, Any]:
    return {"filter": f"f{number % 7}", "source": "user", "operator": "gte", "value": number}


def nested(depth: int) -> list[Any]:
    tree: list[Any] = [equals(0)]
    for number in range(1, depth + 1):
        tree = joined([equals(number), tree, equals(number + 100)], "AND", "OR")
    return tree


ALL = [equals(number) for number in range(PREDICATE_LIMIT)]
TREES = {
    "or": joined(ALL, "OR"),
    "and": joined(ALL, "AND"),
    "mixed": joined(ALL, "AND", "OR", "AND", "AND"),
    "brackets": joined(
        [joined(ALL[at : at + 50], "OR", "AND", "AND") for at in range(0, len(ALL), 50)], "AND"
    ),
    "deep": nested(DEPTH_LIMIT),
    "deep and wide": [*nested(DEPTH_LIMIT), "AND", joined(ALL[:9_000], "AND", "AND", "OR")],
}


@pytest.mark.parametrize("name", TREES)
def test_trees_at_the_limits_answer_rightly(name: str) -> None:
    made = {**document("a", "b", "v", "who"), "side": "server", "conditions": TREES[name]}
    client = Client.from_documents([made])
    assert client.status.errors == ()
    for value in (None, 0, 33, 132, 4_999, PREDICATE_LIMIT - 8, PREDICATE_LIMIT):
        for missing in (None, "f0", "f3"):
            attributes = {f"f{number}": value for number in range(7) if f"f{number}" != missing}
            wanted = decide(made, {"split_group": 3, "attributes": attributes}, None, Setting(NOW))
            user = User("1", 3, attributes)
            assert client.explain("t1", user, now=NOW)[:3] == wanted
            assert client.get_active_variant("t1", user) == wanted[0]
            assert client.active_variants(user) == ({} if wanted[0] is None else {"t1": wanted[0]})


@pytest.mark.parametrize(
    "tree", [joined([*ALL, ALL[0]], "OR"), nested(DEPTH_LIMIT + 1)], ids=["wide", "deep"]
)
def test_trees_beyond_the_limits_are_refused(tree: list[Any]) -> None:
    client = Client.from_documents([{**document("a", "b", "v", "who"), "conditions": tree}])
    assert client.explain("t1", User("1", 3)).reason is Reason.INVALID_TEST_FILE
