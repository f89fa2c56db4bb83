"""A condition that was taken out of the editor can be put back where it was, with what was typed into it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from audience.builder.removed import KEPT, about_to_go, put_back, read, written
from audience.builder.tree import Bracket, Path, Row, change, to_conditions
from experiments.models import Experiment
from tests.conftest import People
from tests.experiments.typed_settings import typed_settings
from tests.factories import make_draft

NEW = "/tests/green_button/settings/new/"


@pytest.fixture
def draft(people: People, client: Client) -> Experiment:
    client.force_login(people.manager)
    return make_draft(Actor.person(people.manager), key="green_button")


def _tree() -> Bracket:
    row = Row("country_id", "in", ["40", "276"], more="999\nx", joint="OR")
    return Bracket(
        [
            Row("age", "gte", ["18"]),
            Bracket([row, Row("age", "between", ["", "65"], joint="OR")], joint="OR"),
            Bracket([Bracket([Row("gender", "eq", ["f"])])]),
        ]
    )


@pytest.mark.parametrize("path", [(0,), (1,), (1, 0), (1, 1), (2,), (2, 0), (2, 0, 0)])
def test_what_is_removed_and_put_back_is_as_it_was(path: Path) -> None:
    root, before = _tree(), to_conditions(_tree())
    going = about_to_go(root, path)
    assert going is not None
    change(root, "remove", path)
    assert to_conditions(root) != before
    # What is first in its brackets has no word before it on the page, and comes back with AND.
    for first in [root, *(item for item in root.items if isinstance(item, Bracket))]:
        first.items[0].joint = "AND"
    (kept,) = read([written(going)])
    assert put_back(root, kept) == going.path
    assert to_conditions(root) == before


def test_brackets_that_are_gone_leave_it_behind_everything() -> None:
    root = _tree()
    going = about_to_go(root, (1, 1))
    assert going is not None
    change(root, "remove", (1, 1))
    change(root, "ungroup", (1,))
    assert put_back(root, going) == (3,)


def test_nothing_is_removed_where_nothing_is() -> None:
    for path in [(), (9,), (0, 0), (2, 0, 5)]:
        assert about_to_go(_tree(), path) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", "[" * 100_000, "x" * 60_000),
        *('{"at": "0"}', '{"at": "x", "item": {}}', '{"at": "", "item": {}}', '{"at": 1, "item": {}}'),
        r'{"at": "0", "item": {"filter": "\ud800", "values": ["\ud800"]}}',
        '{"at": "0", "item": ' + '{"items": [' * 60 + "]}" * 60 + "}",
    ],
)
def test_rubbish_is_nothing_to_put_back(text: str) -> None:
    assert read([text]) == []


def test_only_the_latest_are_kept() -> None:
    texts = [json.dumps({"at": str(number), "item": {}}) for number in range(KEPT + 5)]
    assert [one.path for one in read(texts)] == [(number,) for number in range(5, KEPT + 5)]


def test_the_editor_says_what_was_removed_and_puts_it_back(draft: Experiment, client: Client) -> None:
    typed = typed_settings()
    shown = client.post(NEW, typed | {"op": "remove:1.0"})
    assert "Removed: Country is one of Austria, Germany" in " ".join(shown.content.decode().split())
    left: dict[str, Any] = {key: value for key, value in typed.items() if not key.startswith("c.1.")}
    left |= {"c.1.bracket": "1", "c.1.joint": "OR", "removed": shown.context["removed"], "op": "put_back"}
    left |= {f"c.1.0.{name}": typed[f"c.1.1.{name}"] for name in ("filter", "operator", "value")}
    again = client.post(NEW, left)
    conditions: Any = to_conditions(again.context["form"].conditions)
    assert conditions[2][0]["value"] == ["40", "276"]
    assert "Put it back" not in again.content.decode()


def test_what_was_hardly_begun_is_named_as_far_as_it_goes(draft: Experiment, client: Client) -> None:
    begun = client.post(NEW, typed_settings(**{"c.1.0.value": [], "op": "remove:1.0"}))
    assert "Removed: Country" in " ".join(begun.content.decode().split())
    empty = client.post(NEW, typed_settings(**{"c.0.filter": "", "op": "remove:0"}))
    assert "Removed: an empty condition" in " ".join(empty.content.decode().split())


def test_another_variant_has_what_the_others_have(draft: Experiment, client: Client) -> None:
    def percent(**typed: Any) -> str:
        variants = client.post(NEW, typed_settings(op="add_variant", **typed)).context["form"].variants
        return str(variants[-1].percent)

    assert percent() == "5"
    assert percent(**{"v.0.percent": "40", "v.1.percent": "40"}) == ""
    assert percent(**{"v.0.percent": "4"}) == ""
    assert percent(**{"v.0.percent": "x", "v.1.percent": "x"}) == ""
