"""Tags: words to find tests by, one test at a time or many at once, each change told in the changelog."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from changelog.models import Entry, Verb
from core.errors import InvalidInput, NotAllowed, NotFound
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services import edit_properties, tag_experiments
from tests.conftest import People
from tests.factories import make_draft, make_experiment


def _tags(experiment: Experiment) -> list[str]:
    return Experiment.objects.get(pk=experiment.pk).tags


def test_tags_are_kept_once_in_lower_case_and_in_order(manager: Actor) -> None:
    draft = make_draft(manager, tags=["Winter", " big  bet ", "winter", ""])
    assert _tags(draft) == ["big bet", "winter"]
    saved = edit_properties(manager, draft, {"tags": []})
    assert saved.tags == []
    entry = Entry.objects.filter(verb=Verb.EDIT).latest("id")
    assert entry.changes == [{"field": "tags", "label": "Tags", "before": "big bet, winter", "after": None}]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("winter", "list of texts"),
        ([1], "list of texts"),
        (["a,b"], "without commas"),
        (["x" * 33], "at most 32"),
        ([f"t{number}" for number in range(21)], "at most 20"),
        (["\x00"], ""),
    ],
)
def test_what_is_no_tag_is_refused_at_its_field(tags: object, said: str, manager: Actor) -> None:
    with pytest.raises(InvalidInput) as refusal:
        make_draft(manager, tags=tags)
    assert [error.path for error in refusal.value.errors] == ["tags"]
    assert said in refusal.value.errors[0].message


def test_many_get_and_lose_tags_at_once(manager: Actor) -> None:
    first, second = make_draft(manager, tags=["old", "keep"]), make_draft(manager)
    ids = [first.pk, second.pk]
    assert tag_experiments(manager, ids, add=["New"], remove=["OLD"]) == 2
    assert (_tags(first), _tags(second)) == (["keep", "new"], ["new"])
    assert Entry.objects.filter(verb=Verb.EDIT, message="Changed tags").count() == 2
    assert tag_experiments(manager, ids, add=["new"]) == 0
    assert Entry.objects.filter(verb=Verb.EDIT).count() == 2


def test_only_its_managers_tag_a_test(manager: Actor, people: People, warehouse: Any) -> None:
    running = make_experiment(manager, Status.RUNNING)
    with pytest.raises(NotAllowed):
        tag_experiments(Actor.person(people.other_manager), [running.pk], add=["theirs"])
    assert _tags(running) == []


def test_all_or_none_are_tagged(manager: Actor, people: People) -> None:
    mine, theirs = make_draft(manager), make_draft(Actor.person(people.other_manager))
    with pytest.raises(NotFound):
        tag_experiments(manager, [mine.pk, theirs.pk], add=["mine"])
    full = make_draft(manager, tags=[f"t{number}" for number in range(20)])
    with pytest.raises(InvalidInput, match="at most 20"):
        tag_experiments(manager, [mine.pk, full.pk], add=["one more"])
    assert _tags(mine) == []


def test_the_form_takes_words_with_commas_between_them(
    manager: Actor, people: People, client: Client
) -> None:
    draft = make_draft(manager, key="green_button")
    client.force_login(people.manager)
    address = "/tests/green_button/properties/edit/"
    sent = {"key": "green_button", "name": "Green", "side": "server", "managers": ["manager"]}
    assert client.post(address, {**sent, "tags": "Winter, big bet,", "revision": "1"}).status_code == 302
    assert _tags(draft) == ["big bet", "winter"]
    assert 'value="big bet, winter"' in client.get(address).content.decode()
    stale = client.post(address, {**sent, "tags": "summer", "revision": "1"})
    assert stale.status_code == 409
    assert "summer" in stale.content.decode()


def test_the_api_has_them_too(manager: Actor, bearer: dict[str, str], client: Client) -> None:
    make_draft(manager, key="green_button", tags=["winter"])
    make_draft(manager, key="red_button")
    found = client.get("/api/v1/tests/?tag=Winter", headers=bearer).json()
    assert [(row["key"], row["tags"]) for row in found["results"]] == [("green_button", ["winter"])]
    answer = client.patch(
        "/api/v1/tests/red_button/", {"tags": ["Summer"]}, headers=bearer, content_type="application/json"
    )
    assert answer.json()["tags"] == ["summer"]
