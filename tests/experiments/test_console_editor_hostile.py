"""The settings editor against what no person types: thousands of rows, brackets without end, bytes that are no text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from experiments.models import Experiment
from tests.conftest import People
from tests.experiments.typed_settings import typed_settings
from tests.factories import make_draft

NEW = "/tests/green_button/settings/new/"


@pytest.fixture
def draft(people: People, client: Client) -> Experiment:
    client.force_login(people.manager)
    return make_draft(Actor.person(people.manager), key="green_button")


def _many(number: int) -> dict[str, str]:
    fields: dict[str, str] = {}
    for index in range(number):
        fields |= {
            f"c.{index}.filter": "age",
            f"c.{index}.operator": "gt",
            f"c.{index}.value": "1",
            f"c.{index}.joint": "AND",
        }
    return fields


def test_two_thousand_rows_are_refused_and_kept(draft: Experiment, client: Client) -> None:
    response = client.post(NEW, {**typed_settings(), **_many(2_000)})
    text = response.content.decode()
    assert response.status_code == 422
    assert "Has more than 500 conditions" in text
    # More than a page can show as rows: they come back as JSON.
    assert text.count("&quot;filter&quot;") >= 2_000


def test_ten_thousand_pasted_conditions_are_refused_and_kept(draft: Experiment, client: Client) -> None:
    conditions: list[object] = [{"filter": "age", "operator": "gt", "value": 1}, "AND"] * 10_000
    pasted = json.dumps(conditions[:-1])
    response = client.post(NEW, typed_settings(conditions_as="json", conditions_json=pasted))
    text = response.content.decode()
    assert response.status_code == 422
    assert "Has more than 500 conditions" in text
    assert text.count("&quot;filter&quot;") == 10_000


@pytest.mark.parametrize("depth", [12, 20, 100])
def test_deep_brackets_are_refused(depth: int, draft: Experiment, client: Client) -> None:
    path = ".".join(["0"] * depth)
    fields = {f"c.{path}.filter": "age", f"c.{path}.operator": "gt", f"c.{path}.value": "1"}
    response = client.post(NEW, {**typed_settings(), **fields})
    assert response.status_code == 422
    assert "nested more than 10 deep" in response.content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"c.0.value": "\x00"},
        {"c.0.filter": "\x00"},
        {"op": "remove:" + "9." * 50},
        {"op": "up:\x00"},
        {"op": "remove_variant:99999999999999999999"},
        {"control": "٣"},
        {"based_on": "-1"},
        {"based_on": "9" * 30},
        {"v.99999.name": "\ud800".encode("utf-8", "surrogatepass")},
        {f"v.{index}.name": "x" for index in range(3_000)},
        {"exclusive_with": ["\x00", "nothing"], "draw": "exclusive"},
    ],
)
def test_hostile_fields_are_an_answer_never_a_crash(
    fields: dict[str, Any], draft: Experiment, client: Client
) -> None:
    response = client.post(NEW, typed_settings(**fields))
    assert response.status_code in {200, 302, 409, 422}


def test_too_many_fields_are_a_bad_request(draft: Experiment, client: Client) -> None:
    body = "&".join(f"x{index}=1" for index in range(10_001))
    response = client.post(NEW, body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    assert "Nothing was changed" in response.content.decode()
