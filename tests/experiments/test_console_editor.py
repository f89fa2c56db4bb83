"""The settings editor: its buttons without scripts, errors at their fields, nothing typed is lost."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from audience.models import Filter
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.services import prepare_settings_group
from tests.conftest import People
from tests.experiments.typed_settings import typed_settings
from tests.factories import add_settings, make_draft, make_experiment

NEW = "/tests/green_button/settings/new/"
HTMX = {"HX-Request": "true", "HX-Target": "editor"}


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def draft(mia: Actor) -> Experiment:
    return make_draft(mia, key="green_button")


def test_a_settings_group_is_made_of_the_form(draft: Experiment, client: Client) -> None:
    response = client.post(NEW, typed_settings())
    assert response["Location"] == "/tests/green_button/"
    made = SettingsGroup.objects.get()
    country = {"filter": "country_id", "source": "user", "operator": "in", "value": [40, 276]}
    new_user = {"filter": "is_new_user", "source": "user", "operator": "eq", "value": True}
    test_user = {"filter": "is_test_user", "source": "user", "operator": "eq", "value": True}
    assert made.conditions == [test_user, "OR", [country, "AND", new_user]]
    assert [(one.name, one.percent, one.is_control, one.payload) for one in made.variants.all()] == [
        ("control", "5", True, {}),
        ("green", "5", False, {"color": "#0a0"}),
    ]
    assert made.starts_at is not None
    assert made.starts_at.isoformat() == "2026-12-01T09:00:00+00:00"
    assert made.message == "First try"


def test_the_form_of_older_settings_makes_the_same_again(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_draft(mia, key="green_button")
    client.post(NEW, typed_settings())
    first = SettingsGroup.objects.get()
    assert prepare_settings_group(first.pk)
    page = client.get(NEW).content.decode()
    fields = _fields_of(page)
    client.post(NEW, fields)
    second = SettingsGroup.objects.get(experiment=test, number=2)
    assert second.conditions == first.conditions
    assert second.starts_at == first.starts_at
    assert list(second.variants.values_list("name", "split_group_count", "is_control", "payload")) == list(
        first.variants.values_list("name", "split_group_count", "is_control", "payload")
    )


class _AsSent(HTMLParser):
    """What a browser would send for a form as rendered."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.select: str | None = None
        self.textarea: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = {name: value or "" for name, value in attrs}
        name, value = its.get("name", ""), its.get("value", "")
        if tag == "input" and (its.get("type") not in {"checkbox", "radio"} or "checked" in its):
            self.fields.setdefault(name, []).append(value)
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in its or self.select not in self.fields):
            self.fields[self.select] = [value]
        elif tag == "textarea":
            self.textarea = name
            self.fields[name] = [""]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.textarea = None

    def handle_data(self, data: str) -> None:
        if self.textarea is not None:
            self.fields[self.textarea][0] += data


def _fields_of(page: str) -> dict[str, list[str]]:
    form = re.search(r'<form id="editor".*?</form>', page, re.DOTALL)
    assert form is not None
    return _AsSent(form[0]).fields


@pytest.mark.parametrize(
    ("op", "present"),
    [
        ("add:", 'name="c.2.filter"'),
        ("add:1", 'name="c.1.2.filter"'),
        ("bracket:", 'name="c.2.0.filter"'),
        ("group:0", 'name="c.0.0.filter"'),
        ("ungroup:1", 'name="c.2.filter"'),
        ("add_variant", 'name="v.2.name"'),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_buttons_change_the_form_and_keep_everything(
    op: str, present: str, headers: dict[str, str], draft: Experiment, client: Client
) -> None:
    typed = typed_settings(
        op=op, message="Half a thought", total_percent="12.5", starts_at="2026-12-01T09:00"
    )
    response = client.post(NEW, typed, headers=headers)
    text = response.content.decode()
    assert response.status_code == 200
    assert present in re.sub(r"\s+", " ", text)
    for kept in ("Half a thought", "12.5", "2026-12-01T09:00", "#0a0"):
        assert kept in text
    assert ("<html" in text) is not bool(headers)
    assert not SettingsGroup.objects.exists()


def test_removing_a_variant_keeps_the_control_where_it_was(draft: Experiment, client: Client) -> None:
    typed = typed_settings(op="remove_variant:0", control="1")
    fields = _fields_of(client.post(NEW, typed).content.decode())
    assert fields["v.0.name"] == ["green"]
    assert fields["control"] == ["0"]
    assert "v.1.name" not in fields


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"c.1.0.value": ["Atlantis"]}, "Condition 2.1 (Country): Must be a whole number"),
        ({"c.0.value": ""}, "Condition 1 (Test user): Fill in a value."),
        ({"c.0.filter": "no_such"}, "Condition 1: There is no filter"),
        ({"c.0.operator": "matches"}, "Condition 1 (Test user): Is_test_user (boolean) can be compared with"),
        ({"v.0.percent": "0.7"}, "Variant 1, percent: 0.7 % is not a whole number of the 2,400 split groups"),
        ({"v.0.percent": "60", "v.1.percent": "60"}, "Variants: The percents add up to 120 %"),
        ({"v.1.name": "a/b"}, "Variant 2, name: Must be 1 to 64 letters"),
        ({"v.1.name": "control"}, "Two variants are called control"),
        ({"v.1.payload": "{"}, "Variant 2, payload: Is not readable as JSON"),
        ({"v.1.payload": "[1]"}, "Variant 2, payload: Must be a JSON object"),
        ({"v.1.payload": '{"a": "\\u0000"}'}, "Variant 2, payload: Must not contain NUL"),
        ({"v.1.payload": "[" * 100_000}, "Variant 2, payload: Is not readable as JSON"),
        ({"ends_at": "2026-11-30T09:00"}, "Ends at: Must be after the start"),
        ({"starts_at": "soon"}, "Starts at: Must be a date and time"),
        ({"split_by": "total", "total_percent": ""}, "Total percent: Say how many percent"),
        ({"split_by": "total", "total_percent": "x"}, "Total percent: "),
        ({"draw": "exclusive"}, "Exclusive with: Name the tests"),
        ({"message": "a\x00"}, "Message: Must be text"),
        ({"tokens": "{}}"}, "Tokens: Is not readable as JSON"),
        (
            {"conditions_as": "json", "conditions_json": "["},
            "This is no JSON: Expecting value in line 1, column 2",
        ),
        ({"conditions_as": "json", "conditions_json": '{"a": 1}'}, "Must be a list"),
        ({"conditions_as": "json", "conditions_json": "[" * 100_000}, "Is not readable as JSON"),
        (
            {"conditions_as": "json", "conditions_json": json.dumps([{"filter": "age"}] * 3)},
            'Must be "AND" or "OR"',
        ),
    ],
)
def test_what_is_wrong_is_said_and_kept(
    changed: dict[str, Any], message: str, draft: Experiment, client: Client
) -> None:
    response = client.post(NEW, typed_settings(**{"message": "Precious words", **changed}))
    text = response.content.decode()
    assert response.status_code == 422
    assert message in text.replace("&quot;", '"')
    for value in changed.values():
        if isinstance(value, str) and 2 < len(value) < 50 and "\x00" not in value:
            assert value in text.replace("&quot;", '"')
    assert "message" in changed or "Precious words" in text
    assert not SettingsGroup.objects.exists()


def test_everything_wrong_is_said_at_once(draft: Experiment, client: Client) -> None:
    typed = typed_settings(**{"c.0.value": "", "v.0.percent": "x", "v.1.payload": "{", "ends_at": "never"})
    text = client.post(NEW, typed).content.decode()
    for words in ("Condition 1 (Test user):", "Variant 1, percent:", "Variant 2, payload:", "Ends at:"):
        assert words in text


def test_settings_made_meanwhile_are_shown_first(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.DRAFT, key="green_button")
    theirs = add_settings(mia, test, message="Theirs", ends_at="2027-01-01T00:00Z")
    # They are prepared by now, and in a draft become current by themselves.
    Experiment.objects.filter(pk=test.pk).update(current=theirs)
    response = client.post(NEW, typed_settings(based_on="1", message="Mine"))
    text = response.content.decode()
    assert response.status_code == 409
    assert "Somebody made settings 2" in text
    assert "2027-01-01 00:00 UTC" in text
    assert "Mine" in text
    assert test.settings_groups.count() == 2
    assert client.post(NEW, typed_settings(based_on="2", message="Mine")).status_code == 302
    assert test.settings_groups.count() == 3


def test_pasted_json_becomes_rows(draft: Experiment, client: Client) -> None:
    pasted = '[{"filter": "is_test_user", "operator": "eq", "value": "Yes"}, "OR", [{"filter": "age", "operator": "gte", "value": "18"}]]'
    response = client.post(NEW, typed_settings(op="use_json", conditions_json=pasted))
    fields = _fields_of(response.content.decode())
    assert fields["c.0.value"] == ["true"]
    assert fields["c.1.0.value"] == ["18"]
    assert client.post(NEW, typed_settings(op="use_json", conditions_json="nonsense")).status_code == 422


def test_rows_can_be_edited_as_json(draft: Experiment, client: Client) -> None:
    fields = _fields_of(client.post(NEW, typed_settings(op="as_json")).content.decode())
    assert fields["conditions_as"] == ["json"]
    assert client.post(NEW, fields).status_code == 302
    assert SettingsGroup.objects.get().conditions[2][0]["value"] == [40, 276]


def test_the_preview_speaks_and_counts(mia: Actor, draft: Experiment, warehouse: Any, client: Client) -> None:
    address = f"{NEW}preview/"
    text = client.post(address, typed_settings(), headers={"HX-Request": "true"}).content.decode()
    assert "Test user is yes OR (Country is one of Austria, Germany AND New user is yes)" in text
    assert re.search(r'<span class="us-number">[\d,]+</span>\s*users meet this today', text)
    text = client.post(address, typed_settings(**{"c.0.value": ""})).content.decode()
    assert "Condition 1 (Test user): Fill in a value." in text
    Filter.objects.filter(name="is_test_user").update(column="")
    assert "At most: Test user cannot be counted" in client.post(address, typed_settings()).content.decode()


def test_a_user_groups_editor_has_no_variants(mia: Actor, client: Client) -> None:
    make_draft(mia, key="christmas", kind=Kind.GROUP)
    address = "/groups/christmas/settings/new/"
    assert 'id="variants"' not in client.get(address).content.decode()
    assert client.post(address, typed_settings()).status_code == 302
    assert SettingsGroup.objects.get().variants.count() == 0


def test_a_finished_test_has_no_editor(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.FINISHED, key="green_button")
    assert client.get(NEW).status_code == 409
    assert client.post(NEW, typed_settings()).status_code == 409
