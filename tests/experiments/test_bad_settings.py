"""Settings that cannot be: each wrong thing is named by its path, and nothing is saved."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import Actor
from audience.models import Filter
from audience.services import archive_filter
from core.errors import InvalidInput
from experiments.models import Experiment, SettingsGroup, Variant
from experiments.services import add_settings_group
from tests.factories import TWO_VARIANTS, add_prepared, make_draft

TEST_USER = {"filter": "is_test_user", "operator": "eq", "value": True}
DEEP: list[Any] = [TEST_USER]
for _ in range(100):
    DEEP = [DEEP]


def _variant(**fields: object) -> dict[str, object]:
    return {"name": "green", "percent": "5", **fields}


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no variants": ({"variants": []}, "variants"),
    "variants that are no list": ({"variants": "green"}, "variants"),
    "a variant that is no object": ({"variants": ["green"]}, "variants[0]"),
    "no name": ({"variants": [{"percent": "5"}]}, "variants[0].name"),
    "a name with a slash": ({"variants": [_variant(name="a/b")]}, "variants[0].name"),
    "two of one name": ({"variants": [_variant(), _variant()]}, "variants[1].name"),
    "two controls": (
        {"variants": [_variant(is_control=True), _variant(name="b", is_control=True)]},
        "variants[1].is_control",
    ),
    "more than 100 % in one": ({"variants": [_variant(percent="100.5")]}, "variants[0].percent"),
    "more than 100 % together": (
        {"variants": [_variant(percent="60"), _variant(name="b", percent="60")]},
        "variants",
    ),
    "a percent that cannot be dealt": ({"variants": [_variant(percent="0.01")]}, "variants[0].percent"),
    "a total that cannot be dealt": (
        {"total_percent": "10", "variants": [{"name": name} for name in "abcdefg"]},
        "total_percent",
    ),
    "a total beside percents": ({"total_percent": "10", "variants": [_variant()]}, "total_percent"),
    "a payload that is no object": ({"variants": [_variant(payload=[1])]}, "variants[0].payload"),
    "a payload with a NUL": (
        {"variants": [_variant(payload={"a": {"b": "\x00"}})]},
        "variants[0].payload.a.b",
    ),
    "a large payload": ({"variants": [_variant(payload={"a": "x" * 20_000})]}, "variants[0].payload"),
    "an unknown field of a variant": ({"variants": [_variant(weight=1)]}, "variants[0].weight"),
    "an unknown field": ({"variant": []}, "variant"),
    "the end before the start": ({"starts_at": "2027-02-01", "ends_at": "2027-01-01"}, "ends_at"),
    "no date": ({"starts_at": "tomorrow"}, "starts_at"),
    "a date beyond the calendar": ({"ends_at": "0001-01-01T00:00:00+14:00"}, "ends_at"),
    "an unknown draw": ({"draw": "best"}, "draw"),
    "exclusive with nobody": ({"draw": "exclusive"}, "exclusive_with"),
    "exclusive with an unknown test": ({"draw": "exclusive", "exclusive_with": ["nobody"]}, "exclusive_with"),
    "texts for an unknown variant": ({"tokens": {"pay": {"blue": {"en": "x"}}}}, "tokens.pay.blue"),
    "a message that is no text": ({"message": 5}, "message"),
    "an unknown filter": ({"conditions": [{**TEST_USER, "filter": "shoe_size"}]}, "conditions[0].filter"),
    "a value of the wrong type": (
        {"conditions": [TEST_USER, "OR", [{"filter": "age", "operator": "gt", "value": "old"}]]},
        "conditions[2][0].value",
    ),
    "brackets a hundred deep": ({"conditions": DEEP}, "conditions"),
    "an explosive pattern": (
        {"conditions": [{"filter": "language", "operator": "matches", "value": "(a+)+$"}]},
        "conditions[0].value",
    ),
    "ten thousand predicates": ({"conditions": [TEST_USER, *["OR", TEST_USER] * 9_999]}, "conditions"),
}


@pytest.mark.parametrize(("wrong", "path"), list(WRONG.values()), ids=list(WRONG))
def test_it_is_refused_by_its_path_and_nothing_is_saved(
    manager: Actor, wrong: dict[str, object], path: str
) -> None:
    experiment = make_draft(manager)
    with pytest.raises(InvalidInput) as refusal:
        add_settings_group(manager, experiment, {"variants": TWO_VARIANTS, **wrong})
    paths = [error.path for error in refusal.value.errors]
    assert any(found == path or (path == "conditions" and found.startswith(path)) for found in paths), paths
    assert all(error.message for error in refusal.value.errors)
    assert len(refusal.value.errors) <= 30
    assert not SettingsGroup.objects.exists()
    assert not Variant.objects.exists()


def test_everything_wrong_is_named_at_once(manager: Actor) -> None:
    wrong: dict[str, object] = {}
    for name in ("no date", "an unknown draw", "an unknown filter", "a percent that cannot be dealt"):
        wrong |= WRONG[name][0]
    with pytest.raises(InvalidInput) as refusal:
        add_settings_group(manager, make_draft(manager), wrong)
    assert {error.path for error in refusal.value.errors} == {
        "starts_at",
        "draw",
        "conditions[0].filter",
        "variants[0].percent",
    }


def test_an_archived_filter_stays_where_it_is_used_and_is_refused_elsewhere(manager: Actor) -> None:
    experiment = make_draft(manager)
    conditions: list[object] = [{"filter": "is_paying", "operator": "eq", "value": True}]
    add_prepared(manager, experiment, conditions=conditions)
    archive_filter(
        Actor.machine("installation"), "is_paying", revision=Filter.objects.get(name="is_paying").revision
    )
    settings: dict[str, object] = {"variants": TWO_VARIANTS, "conditions": conditions}
    assert add_settings_group(manager, experiment, settings).number == 2
    with pytest.raises(InvalidInput):
        add_settings_group(manager, make_draft(manager), settings)
    assert Experiment.objects.count() == 2
