"""What counts as naming a test, in which language ever."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usersplit_sdk.codegen import Interface, render
from usersplit_sdk.scan_patterns import Vocabulary

KEYS = ("green_button", "checkout", "old_banner")


def uses(source: str | bytes, *keys: str, **settings: Any) -> list[tuple[str, str]]:
    body = source if isinstance(source, bytes) else source.encode()
    found = Vocabulary(keys or KEYS, settings.pop("tokens", {}), settings.pop("modules", None), **settings)
    return [(use.kind, use.name) for use in found.uses(body)]


@pytest.mark.parametrize(
    "source",
    [
        'client.get_active_variant("green_button", user)',
        "client.get_active_variant(key='green_button')",
        'client.get_active_variant(\n    "green_button",\n)',
        'client.explain(r"green_button")',
        'is_in_group("green_button")',
        'client.log_hit("green_button", "v")',
        '@client.additional_conditions("green_button")',
        "const v = client.getActiveVariant(`green_button`)",
        "client.GetActiveVariant<string>('green_button')",
        'request.split.variant("green_button")',
        'current_split().variant("green_button")',
        'split.payload("green_button")',
        "fetch('/ofrep/v1/evaluate/flags/green_button', options)",
    ],
)
def test_calls(source: str) -> None:
    assert uses(source) == [("call", "green_button")]
    assert uses(source.replace("green_button", "gren_button")) == [("call", "gren_button")]


def test_marks_of_tests_of_an_application() -> None:
    source = '@pytest.mark.usersplit(green_button="green", gren_button = "checkout")\ndef test_x(): ...'
    assert uses(source) == [("call", "green_button"), ("call", "gren_button")]


@pytest.mark.parametrize("tag", ["variant", "payload", "is_in_group"])
def test_template_tags(tag: str) -> None:
    for source in (f"{{% {tag} 'green_button' as v %}}", f'{{%- {tag}  "green_button"%}}'):
        assert uses(source) == [("template", "green_button")]
    assert uses(f'{{% {tag} "gren_button" %}}') == [("template", "gren_button")]


@pytest.mark.parametrize(
    "source",
    [
        'KEY = "green_button"',
        "key: 'green_button'",
        "`green_button`",
        r'"{\"key\": \"green_button\"}"',
        "<i data-test=&quot;green_button&quot;>",
        'it\'s "green_button"',
        b"\xff\xfe'green_button'\xff",
    ],
)
def test_quoted_keys(source: str | bytes) -> None:
    assert uses(source) == [("text", "green_button")]


@pytest.mark.parametrize(
    "source",
    [
        "green_button",
        '"the green_button"',
        '"green_button_2"',
        "'green_button\"",
        'cursor.explain("SELECT 1")',
        'payload("Green Button")',
        'recalculate_payload("gren_button")',
        'client.text("gren_button")',
        "variant('gren_button')",
        'client.explain("gren_" + name)',
        'client.get_active_variant("gren_%d" % number)',
        'client.get_active_variant(f"gren_{number}")',
        "getActiveVariant(`gren_${number}`)",
        'client.get_active_variant("…")',
        "POST /ofrep/v1/evaluate/flags/{key}",
        "{% variants 'gren_button' %}",
        "GREEN_BUTTON = get_green_button(GreenButtonTest)",
        "class GreenButton: pass",
        'call("green_button")  # usersplit: ignore',
        "",
    ],
)
def test_what_names_no_test(source: str) -> None:
    assert uses(source) == []


def test_unquoted_words_count_on_demand() -> None:
    assert uses("key: green_button # not green_buttons", words=True) == [("word", "green_button")]


def test_names_of_a_generated_module_count_where_it_is_mentioned() -> None:
    source = "if get_green_button(c) == GreenButtonTest.A: log_green_button(c, x); print(GREEN_BUTTON)"
    modules = {"split_names": ["green_button", "gone"]}
    assert uses(source, modules=modules) == []
    found = uses(f"from app.split_names import *\n{source}\nget_gone(c)", modules=modules)
    names = ["get_green_button", "GreenButtonTest", "log_green_button", "GREEN_BUTTON", "get_gone"]
    assert found == [("name", name) for name in names]


def test_generated_module_lists_its_keys_only() -> None:
    source = render(Interface({"green_button": ["old_banner"]}, ["vips"]))
    assert uses(source) == [("generated", "green_button"), ("generated", "vips")]


def test_class_of_additional_conditions() -> None:
    source = "class GreenButton:\n    def check_additional_conditions(self, user, environment): ..."
    assert uses(source) == [("conditions", "GreenButton")]


def test_tokens_of_texts() -> None:
    tokens = {"pay.now": ["checkout"], "Buy now!": ["checkout"], "–": ["checkout"], "": ["checkout"]}
    source = "text('pay.now'); _(\"Buy now!\"); text('–'); text('pay.later'); text('')"
    found = uses(source, tokens=tokens)
    assert found == [("token", "pay.now"), ("token", "Buy now!"), ("token", "–")]


def test_places_count_lines_from_one_and_columns_in_characters() -> None:
    source = "\n\n  é = 'checkout' + 'old_banner'\r\n\t'checkout'"
    places = [use.place for use in Vocabulary(KEYS, {}).uses(source.encode())]
    assert [(place.line, place.column) for place in places] == [(3, 8), (3, 21), (4, 3)]
    assert places[0].text == "é = 'checkout' + 'old_banner'"


@pytest.mark.parametrize(
    "body",
    [
        b"explain(" * 100_000,
        b"explain(" + b" " * 1_000_000,
        b"explain<" + b" " * 1_000_000,
        b"'" * 1_000_000,
        b"{%" * 500_000 + b"{% variant ",
        b"'checkout'" * 100_000,
        b"class " * 200_000 + b"check_additional_conditions",
        b'get_active_variant("' + b"x" * 1_000_000,
        b"'checkout'\n" * 50_000,
    ],
    ids=range(9),
)
def test_hostile_file_is_read_to_its_end(body: bytes) -> None:
    """Where a pattern went back and forth in it, this would not end."""
    body += b"\n'old_banner'\n"
    assert [use.name for use in Vocabulary(KEYS, {}).uses(body)][-1] == "old_banner"


def test_line_is_measured_once_however_many_tests_it_names() -> None:
    ends = 0

    class Body(bytes):
        def find(self, *arguments: Any) -> int:
            nonlocal ends
            ends += arguments[0] == b"\n"
            return super().find(*arguments)

    body = Body(b"'checkout'," * 1000 + b"\n'old_banner' 'checkout'\n" + b"'old_banner'")
    places = [use.place for use in Vocabulary(KEYS, {}).uses(body)]
    assert [(place.line, place.column) for place in places[-4:]] == [(1, 10991), (2, 2), (2, 15), (3, 2)]
    assert places[-3].text == "'old_banner' 'checkout'"
    assert ends == 3


@given(
    st.binary(max_size=300),
    st.sets(st.from_regex(r"[a-z][a-z0-9_]{1,20}", fullmatch=True), min_size=1, max_size=5),
)
def test_every_quoted_key_is_found_whatever_stands_around_it(noise: bytes, keys: set[str]) -> None:
    noise = noise.replace(b"usersplit", b"")
    lines = [noise, *(f"'{key}'".encode() for key in sorted(keys)), noise]
    found = Vocabulary(keys, {}).uses(b"\n".join(lines))
    first = noise.count(b"\n") + 2
    expected = {(first + index, 2, key) for index, key in enumerate(sorted(keys))}
    assert expected <= {(use.place.line, use.place.column, use.name) for use in found}
