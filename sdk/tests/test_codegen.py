"""The generated module: whatever variants are called, it compiles, is no more than names, and gives them back."""

import ast
import keyword
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usersplit_sdk import Client, RecordingHits, User
from usersplit_sdk.codegen import Interface, camel_case, constant_name, interface_of, render, variant_names
from usersplit_sdk.snapshots import snapshot_of_documents

KEYS = st.from_regex(r"[a-z][a-z0-9_]{1,12}", fullmatch=True) | st.sampled_from(
    [
        "none",
        "true",
        "class",
        "import",
        "user",
        "client",
        "final",
        "str",
        "a_1",
        "a1",
        "a__b",
        "a_b",
        "ab",
        "a_",
    ]
)
NAMES = st.lists(
    st.text(min_size=1)
    | st.text(
        st.characters(categories=("Cs", "Cf", "Cc", "Zl", "Lu"), include_characters="\\'\"{}#\n\r\t "),
        min_size=1,
    )
    | st.sampled_from(
        ["a-b", "a_b", "A B", "a b", "__class__", "mro", "variants", "none", "None", "1", '"""', "\\"]
    ),
    max_size=8,
    unique=True,
)
INTERFACES = st.builds(
    Interface,
    tests=st.dictionaries(KEYS, NAMES, max_size=5),
    groups=st.lists(KEYS, max_size=3, unique=True),
    tokens=st.lists(st.text(), max_size=3, unique=True),
)


def document(key: str, *variants: str, **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": name, "split_groups": [[n, n]]} for n, name in enumerate(variants, start=1)],
        **changes,
    }


def group(key: str) -> dict[str, Any]:
    return {name: value for name, value in document(key).items() if name != "variants"} | {"kind": "group"}


def load(source: str) -> types.ModuleType:
    module = types.ModuleType("generated")
    exec(compile(source, "generated.py", "exec"), module.__dict__)
    return module


def module_of(*documents: dict[str, Any]) -> types.ModuleType:
    tests = [item for item in documents if item["kind"] == "test"]
    groups = [item for item in documents if item["kind"] == "group"]
    return load(render(interface_of(snapshot_of_documents(tests, groups, None))))


def constants(tree: ast.AST) -> Iterator[object]:
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))


@given(INTERFACES)
def test_module_gives_every_name_back(interface: Interface) -> None:
    module = load(render(interface))
    for key, variants in interface.tests.items():
        assert getattr(module, constant_name(key)) == key
        listed = vars(module)[f"{camel_case(key)}Test"]
        assert list(listed.variants) == variants
        assert {text: getattr(listed, name) for text, name in variant_names(variants).items()} == {
            text: text for text in variants
        }
        assert callable(vars(module)[f"get_{key}"])
    assert all(callable(vars(module)[f"is_in_{key}"]) for key in interface.groups)


@given(INTERFACES)
def test_nothing_but_texts_depends_on_what_names_say(interface: Interface) -> None:
    """With the same number of harmless names the code is the same: names are in literals and identifiers only."""
    harmless = Interface(
        {key: [f"v{n}" for n, _ in enumerate(names)] for key, names in interface.tests.items()},
        interface.groups,
        [f"t{n}" for n, _ in enumerate(interface.tokens)],
    )

    def shape(source: str) -> list[str]:
        return [type(node).__name__ for node in ast.walk(ast.parse(source))]

    assert shape(render(interface)) == shape(render(harmless))


@given(INTERFACES)
def test_text_is_the_same_for_the_same_interface_in_any_order(interface: Interface) -> None:
    turned = Interface(
        {key: interface.tests[key] for key in sorted(interface.tests, reverse=True)},
        interface.groups[::-1],
        interface.tokens[::-1],
    )
    source = render(interface)
    assert render(turned) == source
    assert source.isascii() or all(line.isprintable() for line in source.split("\n"))
    assert all(line == line.rstrip() for line in source.split("\n")[:5])


@given(NAMES)
def test_variant_identifiers_are_plain_and_distinct(variants: list[str]) -> None:
    names = variant_names(variants)
    assert len(set(names.values())) == len(variants)
    for name in names.values():
        assert name.isidentifier()
        assert name.isascii()
        assert name.isupper()
        assert not keyword.iskeyword(name)
    assert variant_names(variants[::-1]) == names


@given(KEYS, KEYS)
def test_two_keys_never_share_a_name(one: str, other: str) -> None:
    assert (one == other) == (camel_case(one) == camel_case(other))
    assert (one == other) == (constant_name(one) == constant_name(other))


def test_plain_variant_keeps_its_name_whatever_joins_it() -> None:
    assert variant_names(["a_b"]) == {"a_b": "A_B"}
    assert variant_names(["Grün"]) == {"Grün": "GRUN"}
    joined = variant_names(["a-b", "a_b", "A B"])
    assert joined["a_b"] == "A_B"
    assert joined["a-b"].startswith("A_B_")
    assert joined["A B"].startswith("A_B_")


@pytest.mark.parametrize("key", ["x", "1x", "x y", "x\nimport os", "X", "", "é" * 3])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        render(Interface({key: []}))
    with pytest.raises(ValueError, match="is no key"):
        render(Interface({}, [key]))


def test_helpers_ask_the_client() -> None:
    tests = [
        document("green_button", "control", "green", tokens={"pay": {"green": {"en": "Get it"}}}),
        document("nobody"),
    ]
    module = module_of(*tests, group("vips"))
    hits = RecordingHits()
    client = Client.from_documents(tests, [group("vips")], hits=hits)
    user = User("1", 2)
    assert module.get_green_button(client, user) == module.GreenButtonTest.GREEN == "green"
    assert [hit.variant for hit in hits.hits] == ["green"]
    assert module.get_green_button(client, User("2", 1), log_hit=False) == "control"
    assert module.get_nobody(client, user) is None
    assert len(hits.hits) == 1
    assert module.log_green_button(client, "control", User("3", 1))
    assert hits.hits[1].variant == "control"
    assert module.is_in_vips(client, user)
    assert module.text(client, "pay", user, language="en", default="Buy") == "Get it"


def test_variant_younger_than_the_module_is_none_and_no_hit() -> None:
    module = module_of(document("green_button", "control"))
    hits = RecordingHits()
    client = Client.from_documents([document("green_button", "control", "blue")], hits=hits)
    assert module.get_green_button(client, User("1", 2)) is None
    assert hits.hits == []


def test_module_does_not_grow_stale_when_a_test_moves_on() -> None:
    states: list[dict[str, Any]] = [
        {"status": "dev"},
        {"settings_group": 2, "starts_at": "2026-11-01T00:00:00Z"},
        {"status": "finished", "outcome": {"result": "rejected"}},
    ]
    sources = {
        render(interface_of(snapshot_of_documents([document("green_button", "a", **state)], [], None)))
        for state in states
    }
    assert len(sources) == 1


def test_finished_tests_can_be_left_out() -> None:
    snapshot = snapshot_of_documents(
        [document("one", "a"), document("two", "a", status="finished")], [], None
    )
    assert list(interface_of(snapshot).tests) == ["one", "two"]
    assert list(interface_of(snapshot, with_finished=False).tests) == ["one"]


def test_module_needs_nothing_but_the_sdk() -> None:
    tree = ast.parse(render(Interface({"green_button": ["a"]})))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "usersplit_sdk"}
    assert "green_button" in constants(tree)
