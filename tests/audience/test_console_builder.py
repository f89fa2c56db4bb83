"""The condition builder: fields → tree → conditions and back, its buttons, and its errors at their rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience.builder.posting import read_path, read_tree
from audience.builder.rendering import BracketView, RowView, settle, sort_errors, view_of
from audience.builder.tree import Bracket, Path, Row, change, from_conditions, to_conditions, walk
from audience.specs import Choice, FilterSpec
from core.errors import FieldError

CATALOGUE = {
    "is_new": FilterSpec("is_new", "New", "boolean"),
    "country": FilterSpec(
        "country", "Country", "integer", choices=(Choice(40, "Austria"), Choice(276, "Germany"))
    ),
    "age": FilterSpec("age", "Age", "integer"),
    "seen": FilterSpec("seen", "Seen", "date"),
    "platform": FilterSpec("platform", "Platform", "string", "environment"),
}


def _predicate(name: str, operator: str, value: object = None) -> dict[str, object]:
    return {"filter": name, "operator": operator, **({} if value is None else {"value": value})}


NESTED: list[Any] = [
    _predicate("is_new", "eq", True),
    "OR",
    [_predicate("country", "in", [40, 276]), "AND", [_predicate("age", "between", [18, 30])]],
    "AND",
    _predicate("platform", "is_set"),
]


def _fields(tree: Bracket) -> QueryDict:
    """What the page posts for a tree."""
    data = QueryDict(mutable=True)
    for path, item in walk(tree):
        name = "c." + ".".join(map(str, path))
        data[f"{name}.joint"] = item.joint
        if isinstance(item, Bracket):
            data[f"{name}.bracket"] = "1"
        else:
            data[f"{name}.filter"], data[f"{name}.was"] = item.filter, item.filter
            data[f"{name}.operator"] = item.operator
            data.setlist(f"{name}.value", item.values)
            data[f"{name}.more"] = item.more
    return data


def test_conditions_survive_the_form() -> None:
    posted = read_tree(_fields(from_conditions(NESTED)))
    as_texts = to_conditions(posted.root)
    assert as_texts[0] == _predicate("is_new", "eq", "true")
    assert as_texts[1:3] == [
        "OR",
        [_predicate("country", "in", ["40", "276"]), "AND", [_predicate("age", "between", ["18", "30"])]],
    ]
    assert as_texts[3:] == ["AND", _predicate("platform", "is_set")]


_steps = st.lists(st.integers(0, 12), max_size=6).map(lambda path: "".join(f".{step}" for step in path))
_names = st.builds(
    "c{}.{}".format,
    _steps,
    st.sampled_from(["filter", "operator", "value", "more", "joint", "bracket", "was", "x"]),
)


@given(
    st.dictionaries(
        _names | st.text(max_size=12), st.lists(st.text(max_size=3), min_size=1, max_size=2), max_size=12
    )
)
def test_any_fields_make_some_tree(fields: dict[str, list[str]]) -> None:
    data = QueryDict(mutable=True)
    for name, values in fields.items():
        data.setlist(name, values)
    posted = read_tree(data)
    view = view_of(posted.root, CATALOGUE, {})
    assert view is not None
    # What is shown and sent again is what was read.
    assert to_conditions(read_tree(_fields(posted.root)).root) == to_conditions(posted.root)


def test_what_is_too_deep_is_noticed() -> None:
    data = QueryDict(mutable=True)
    data["c" + ".0" * 30 + ".filter"] = "age"
    assert read_tree(data).is_cut


def test_values_of_another_filter_are_dropped() -> None:
    data = QueryDict("c.0.filter=age&c.0.was=country&c.0.operator=in&c.0.value=40")
    root = read_tree(data).root
    settle(root, CATALOGUE)
    assert root.items == [Row("age", "eq")]


@pytest.mark.parametrize(
    ("what", "path", "focus", "expected"),
    [
        ("add", (), (3,), "a & b | (c) | ?"),
        ("add", (2,), (2, 1), "a & b | (c & ?)"),
        ("bracket", (), (3, 0), "a & b | (c) | (?)"),
        ("remove", (0,), (0,), "b | (c)"),
        ("remove", (2, 0), (1,), "a & b"),
        ("up", (1,), (0,), "b & a | (c)"),
        ("down", (1,), (2,), "a & (c) | b"),
        ("up", (0,), None, "a & b | (c)"),
        ("down", (2,), None, "a & b | (c)"),
        ("up", (2, 0), (2,), "a & b | c"),
        ("down", (2, 0), (2,), "a & b | c"),
        ("into", (1,), (1, 0), "a & (b | c)"),
        ("into", (0,), None, "a & b | (c)"),
        ("group", (1,), (1, 0), "a & (b) | (c)"),
        ("ungroup", (2,), (2,), "a & b | c"),
        ("ungroup", (0,), None, "a & b | (c)"),
        ("remove", (9,), None, "a & b | (c)"),
        ("add", (0, 0), None, "a & b | (c)"),
        ("nonsense", (0,), None, "a & b | (c)"),
    ],
)
def test_buttons(what: str, path: Path, focus: Path | None, expected: str) -> None:
    root = Bracket([Row("a"), Row("b"), Bracket([Row("c")], joint="OR")])
    assert change(root, what, path) == focus
    assert _short(root) == expected


@pytest.mark.parametrize(
    ("what", "path", "focus", "expected"),
    [
        ("up", (1, 0), (1,), "a | b | (c & d) & e"),
        ("down", (1, 2), (2,), "a | (b | c) & d & e"),
        ("down", (1, 0), (1, 1), "a | (c | b & d) & e"),
        ("into", (0,), (0, 0), "(a | b | c & d) & e"),
        ("into", (2,), (1, 3), "a | (b | c & d & e)"),
    ],
)
def test_moving_in_and_out_of_brackets(what: str, path: Path, focus: Path, expected: str) -> None:
    inner = Bracket([Row("b"), Row("c", joint="OR"), Row("d")], joint="OR")
    root = Bracket([Row("a"), inner, Row("e")])
    assert change(root, what, path) == focus
    assert _short(root) == expected


@pytest.mark.parametrize(
    ("picked", "focus", "expected"),
    [
        ("", None, "a | (b & c) & d"),
        ("ad", (0, 0), "(a & d) | (b & c)"),
        ("bd", (1, 0, 0), "a | ((b & d) & c)"),
        ("cd", (1, 1, 0), "a | (b & (c & d))"),
        ("abc", (0, 0), "(a & b & c) & d"),
    ],
)
def test_what_is_picked_comes_into_brackets(picked: str, focus: Path | None, expected: str) -> None:
    root = Bracket([Row("a"), Bracket([Row("b"), Row("c")], joint="OR"), Row("d")])
    for _, item in walk(root):
        item.is_picked = isinstance(item, Row) and item.filter in picked
    assert change(root, "group_picked", ()) == focus
    assert _short(root) == expected


_trees = st.recursive(
    st.builds(Row, st.sampled_from("abcd"), joint=st.sampled_from(["AND", "OR"]), is_picked=st.booleans()),
    lambda items: st.builds(Bracket, st.lists(items, max_size=4), is_picked=st.booleans()),
    max_leaves=8,
).map(lambda item: item if isinstance(item, Bracket) else Bracket([item]))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_trees, st.sampled_from(["up", "down", "into", "group", "ungroup", "group_picked"]), st.data())
def test_moving_never_loses_a_condition(root: Bracket, what: str, data: st.DataObject) -> None:
    paths = [path for path, _ in walk(root)]
    path = data.draw(st.sampled_from([(), *paths]))
    before = sorted(item.filter for _, item in walk(root) if isinstance(item, Row))
    focus = change(root, what, path)
    assert sorted(item.filter for _, item in walk(root) if isinstance(item, Row)) == before
    assert focus is None or focus in {here for here, _ in walk(root)} | {()}


def _short(bracket: Bracket) -> str:
    text = ""
    for index, item in enumerate(bracket.items):
        joint = {"AND": " & ", "OR": " | "}[item.joint] if index else ""
        text += joint + (f"({_short(item)})" if isinstance(item, Bracket) else item.filter or "?")
    return text


def test_and_binds_visibly_tighter() -> None:
    view = view_of(from_conditions(NESTED), CATALOGUE, {})
    assert view is not None
    assert view.has_or
    assert [len(chain) for chain in view.chains] == [1, 2]


def test_errors_come_to_their_rows() -> None:
    errors = [
        FieldError("conditions[0].value", "must be yes or no"),
        FieldError("conditions[2][0].value[1]", "must be a whole number"),
        FieldError("conditions[2][2][0].operator", "cannot"),
        FieldError("conditions[1]", "must be AND or OR"),
        FieldError("conditions", "has brackets nested more than 10 deep"),
    ]
    found = sort_errors(errors)
    assert found.by_item == {
        ((0,), "value"): ["Must be yes or no"],
        ((1, 0), "value"): ["Must be a whole number"],
        ((1, 1, 0), "operator"): ["Cannot"],
        ((1,), "joint"): ["Must be AND or OR"],
    }
    assert found.others == ["Has brackets nested more than 10 deep"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("is_new", "eq"), "choice"),
        (Row("country", "eq"), "choice"),
        (Row("country", "in"), "choices"),
        (Row("country", "gt"), "number"),
        (Row("age", "in"), "lines"),
        (Row("age", "between"), "range"),
        (Row("age", "is_set"), "none"),
        (Row("seen", "eq"), "date"),
        (Row("seen", "within_days"), "days"),
        (Row("platform", "matches"), "text"),
        (Row("unknown", "eq"), "none"),
    ],
)
def test_each_value_has_the_fields_that_fit_it(row: Row, expected: str) -> None:
    view = view_of(Bracket([row]), CATALOGUE, {})
    assert view is not None
    shown = view.chains[0][0]
    assert isinstance(shown, RowView)
    assert shown.input == expected


def test_an_unnamed_value_stays_chosen() -> None:
    view = view_of(Bracket([Row("country", "in", ["276", "999"])]), CATALOGUE, {})
    assert isinstance(view, BracketView)
    shown = view.chains[0][0]
    assert isinstance(shown, RowView)
    assert [(option.value, option.is_chosen) for option in shown.options] == [
        ("276", True),
        ("999", True),
        ("40", False),
    ]


def test_a_page_shows_no_more_than_it_can() -> None:
    assert view_of(Bracket([Row("age") for _ in range(201)]), CATALOGUE, {}) is None
    deep = Bracket()
    for _ in range(15):
        deep = Bracket([deep])
    assert view_of(deep, CATALOGUE, {}) is None


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ()), ("0", (0,)), ("1.20.3", (1, 20, 3)), ("x", None), ("1..2", None), ("１", None)],
)
def test_paths(text: str, path: Path | None) -> None:
    assert read_path(text) == path
