"""Keys and endings: what may change, and what is refused."""

from __future__ import annotations

import pytest

from accounts.actors import Actor
from core.errors import InvalidInput
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind, Outcome
from experiments.services import add_settings_group, apply_verb, create_experiment, edit_properties
from tests.factories import TWO_VARIANTS, make_draft, make_experiment


def test_a_key_changes_until_app_servers_know_it(manager: Actor) -> None:
    assert (
        edit_properties(manager, make_draft(manager, "first_idea"), {"key": "better_idea"}).key
        == "better_idea"
    )
    published = make_experiment(manager, Status.DEV)
    with pytest.raises(InvalidInput, match="since it was first published"):
        edit_properties(manager, published, {"key": "too_late"})


def test_a_key_that_others_keep_away_from_stays(manager: Actor) -> None:
    named = make_draft(manager, "kept_apart")
    settings: dict[str, object] = {
        "variants": TWO_VARIANTS,
        "draw": "exclusive",
        "exclusive_with": ["kept_apart"],
    }
    add_settings_group(manager, make_draft(manager), settings)
    with pytest.raises(InvalidInput, match="keeps away"):
        edit_properties(manager, named, {"key": "renamed"})


@pytest.mark.parametrize(
    "key", ["a", "Ab", "1ab", "a b", "a/b", "../ab", "ab\n", " ab", "a" * 65, "äb", "a-b"]
)
def test_a_key_is_taken_as_it_stands_or_refused(manager: Actor, key: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create_experiment(manager, Kind.TEST, {"key": key, "name": "Name"})
    assert [error.path for error in refusal.value.errors] == ["key"]
    assert not Experiment.objects.exists()


def test_giving_up_before_the_start_rejects(manager: Actor) -> None:
    given_up = apply_verb(
        manager, make_experiment(manager, Status.DEV), Verb.FINISH, {"conclusion": "Not worth it."}
    )
    assert (given_up.status, given_up.outcome, given_up.conclusion) == (
        Status.FINISHED,
        Outcome.REJECTED,
        "Not worth it.",
    )
    with pytest.raises(InvalidInput, match="result"):
        apply_verb(manager, make_experiment(manager, Status.RUNNING), Verb.FINISH, {})
