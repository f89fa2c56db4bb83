"""The catalogue is changed by superusers, with a sentence, and never under somebody else's hands."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.actors import Actor
from audience.catalogue import load_catalogue
from audience.models import Filter
from audience.services import archive_filter, create_filter, restore_filter, update_filter
from changelog.models import Entry
from core.errors import InvalidInput, NotAllowed, NotFound, StaleTransition
from tests.conftest import People


@pytest.fixture
def superuser(people: People) -> Actor:
    return Actor.person(people.superuser)


def refused(actor: Actor, **fields: Any) -> dict[str, str]:
    given = {"name": "plan", "label": "Plan", "type": "string", **fields}
    with pytest.raises(InvalidInput) as caught:
        create_filter(actor, **given)
    assert not Entry.objects.exists()
    return {error.path: error.message for error in caught.value.errors}


def test_a_new_filter_can_be_used_at_once(superuser: Actor) -> None:
    create_filter(
        superuser,
        name="plan",
        label="Plan",
        type="string",
        choices=[{"value": "pro", "label": "Professional"}],
    )
    spec = load_catalogue()["plan"]
    assert (spec.source, spec.column, spec.label_of("pro")) == ("user", "plan", "Professional")
    assert "matches" in spec.operators
    entry = Entry.objects.get()
    assert (entry.subject_kind, entry.subject_key, entry.verb) == ("filter", "plan", "create")
    assert {"field": "label", "label": "Label", "before": None, "after": "Plan"} in entry.changes


def test_environment_filters_have_no_column_unless_one_is_named(superuser: Actor) -> None:
    assert create_filter(superuser, name="os", label="OS", type="string", source="environment").column == ""
    named = create_filter(
        superuser, name="app", label="App", type="string", source="environment", column="last_app"
    )
    assert named.column == "last_app"


def test_only_superusers_change_the_catalogue(people: People) -> None:
    for person in people:
        if person != people.superuser:
            with pytest.raises(NotAllowed):
                create_filter(Actor.person(person), name="plan", label="Plan", type="string")
            with pytest.raises(NotAllowed):
                update_filter(Actor.person(person), "age", revision=1, label="Years")
    create_filter(Actor.machine("installation"), name="plan", label="Plan", type="string")
    assert Entry.objects.get().by_machine


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": "Plan"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a__b"}, "name"),
        ({"name": "plan\n"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": "split_group"}, "name"),
        ({"name": "age"}, "name"),
        ({"label": "  "}, "label"),
        ({"label": "x" * 101}, "label"),
        ({"label": "a\x00b"}, "label"),
        ({"type": "colour"}, "type"),
        ({"source": "moon"}, "source"),
        ({"operators": []}, "operators"),
        ({"operators": ["eq", "version_gt"]}, "operators[1]"),
        ({"column": "DROP TABLE"}, "column"),
        ({"column": "id"}, "column"),
        ({"choices": "a,b"}, "choices"),
        ({"choices": [{"value": "a", "label": ""}]}, "choices[0].label"),
        ({"choices": [{"value": "a", "label": "A"}, {"value": "a", "label": "B"}]}, "choices[1].value"),
        ({"type": "integer", "choices": [{"value": "many", "label": "Many"}]}, "choices[0].value"),
        ({"position": -1}, "position"),
        ({"description": "x" * 1_000_000}, "description"),
    ],
)
def test_what_is_wrong_with_a_filter_is_named(superuser: Actor, fields: dict[str, Any], path: str) -> None:
    assert path in refused(superuser, **fields)


def test_an_edit_tells_before_and_after(superuser: Actor) -> None:
    edited = update_filter(superuser, "age", revision=1, label="Age in years", operators=["gte", "between"])
    assert (edited.revision, edited.operators) == (2, ["gte", "between"])
    entry = Entry.objects.get()
    assert {"field": "label", "label": "Label", "before": "Age", "after": "Age in years"} in entry.changes
    (operators,) = (change for change in entry.changes if change["field"] == "operators")
    assert operators["after"] == "is at least, is between"


def test_an_edit_that_changes_nothing_leaves_no_trace(superuser: Actor) -> None:
    assert update_filter(superuser, "age", revision=1, label="Age").revision == 1
    assert not Entry.objects.exists()


def test_a_stale_edit_is_refused(superuser: Actor) -> None:
    update_filter(superuser, "age", revision=1, label="Years")
    with pytest.raises(StaleTransition):
        update_filter(superuser, "age", revision=1, label="Age of the user")
    assert Filter.objects.get(name="age").label == "Years"
    assert Entry.objects.count() == 1


@pytest.mark.parametrize("field", ["name", "type", "source", "archived", "revision_"])
def test_what_stored_conditions_rely_on_cannot_change(superuser: Actor, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        update_filter(superuser, "age", revision=1, **{field: "string"})
    assert [error.path for error in caught.value.errors] == [field]


def test_archived_filters_stay_in_the_catalogue(superuser: Actor) -> None:
    archive_filter(superuser, "age", revision=1)
    assert load_catalogue()["age"].archived
    assert not Filter.objects.offered().filter(name="age").exists()
    restore_filter(superuser, "age", revision=2)
    assert [entry.verb for entry in Entry.objects.order_by("id")] == ["archive", "restore"]


@pytest.mark.parametrize("name", ["nobody", "a\x00b"])
def test_an_unknown_filter_is_not_found(superuser: Actor, name: str) -> None:
    with pytest.raises(NotFound):
        update_filter(superuser, name, revision=1, label="x")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Bad Name"},
        {"name": "id"},
        {"label": ""},
        {"type": "colour"},
        {"source": "moon"},
        {"operators": []},
        {"column": 'x" OR 1=1'},
        {"column": "rowid"},
    ],
)
def test_the_database_refuses_what_the_services_refuse(db: None, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Filter.objects.create(**{"name": "x", "label": "X", "type": "integer", "operators": ["eq"], **fields})
