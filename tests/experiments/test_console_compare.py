"""Comparing the draws in the settings editor: all objectives beside each other, and what is confirmed is what was seen."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from django.test import Client
from pytest_django import Settings

from accounts.actors import Actor
from core import clock
from experiments.audience_report import audience_report
from experiments.lifecycle import Status
from experiments.models import AudienceCount, Draw, Experiment, SettingsGroup
from experiments.services import prepare_settings_group
from tests.conftest import People
from tests.factories import make_draft, make_experiment

NEW = "/tests/green_button/settings/new/"
HTMX = {"HX-Request": "true", "HX-Target": "editor"}
HALF: list[dict[str, object]] = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def crowded(mia: Actor, warehouse: Any) -> Experiment:
    """A draft beside two tests that leave no split group free."""
    make_experiment(mia, Status.RUNNING, key="red_banner", properties={"area": "payments"}, variants=HALF)
    make_experiment(mia, Status.RUNNING, key="blue_box", variants=HALF)
    return make_draft(mia, key="green_button", area="payments")


def _typed(**changed: Any) -> dict[str, Any]:
    typed = {
        "based_on": "0",
        "conditions_as": "rows",
        "v.0.name": "control",
        "v.0.percent": "5",
        "v.1.name": "green",
        "v.1.percent": "5",
        "control": "0",
        "split_by": "each",
        "draw": "fewest_shared_users",
        "message": "First try",
    }
    return typed | changed


def _compared(client: Client, **changed: Any) -> tuple[Any, dict[str, Any]]:
    """The answer of the compare button, and the form's fields that a person would send next."""
    response = client.post(NEW, _typed(op="compare", **changed))
    form = response.context["form"]
    return response, _typed(**changed, seed=form.seed, compared=form.compared)


def _words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_every_objective_is_shown_and_nothing_is_stored(crowded: Experiment, client: Client) -> None:
    before = (SettingsGroup.objects.count(), AudienceCount.objects.count(), Draw.objects.count())
    response, _ = _compared(client)
    text = _words(response)
    assert response.status_code == 200
    cards = response.context["comparison"]["cards"]
    assert list(cards) == ["fewest_shared_users", "smallest_worst_pair", "random"]
    for card in cards.values():
        assert card.outcome.possible
        for variant in card.outcome.variants:
            assert f'<strong class="tabular">{variant.users:,}</strong> {variant.name}' in text
        assert (
            f"({card.outcome.worst_pair.share * 100:.1f} %) with {card.outcome.worst_pair.experiment.key}"
            in text
        )
    assert "of your users are also in red_banner, in the same area" in text
    assert "Name the tests to keep away from below, then compare again." in text
    assert "Every choice gives the same draw" not in text
    assert (SettingsGroup.objects.count(), AudienceCount.objects.count(), Draw.objects.count()) == before


def test_htmx_gets_the_form_alone_with_the_same_panel(crowded: Experiment, client: Client) -> None:
    response = client.post(NEW, _typed(op="compare"), headers=HTMX)
    text = response.content.decode()
    assert "<html" not in text
    assert text.count("us-objective-compared") == 3
    assert "autofocus" in text


@pytest.mark.parametrize("objective", ["fewest_shared_users", "smallest_worst_pair", "random"])
@pytest.mark.parametrize("named", [[], ["blue_box"]])
def test_what_is_confirmed_is_what_was_seen(
    objective: str, named: list[str], crowded: Experiment, client: Client
) -> None:
    response, fields = _compared(client, draw="random", exclusive_with=named)
    seen = response.context["comparison"]["cards"][objective].outcome
    client.post(NEW, fields | {"draw": objective})
    made = SettingsGroup.objects.get(experiment=crowded)
    assert prepare_settings_group(made.pk)
    assert np.array_equal(Draw.objects.get(settings_group=made).owners, seen.owners)
    report = audience_report(made)
    assert report is not None
    assert [one.users for one in report.variants] == [one.users for one in seen.variants]
    assert {one.experiment.key: one.users for one in report.intersections} == {
        one.experiment.key: one.users for one in seen.intersections
    }


def test_an_exclusive_draw_without_room_says_why_and_when(mia: Actor, warehouse: Any, client: Client) -> None:
    end = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=7)
    large = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "45"}]
    make_experiment(mia, Status.RUNNING, key="red_banner", variants=large, ends_at=end.isoformat())
    make_draft(mia, key="green_button")
    response, _ = _compared(client, exclusive_with=["red_banner"])
    text = _words(response)
    assert not response.context["comparison"]["cards"]["exclusive"].outcome.possible
    assert "Not possible now." in text
    assert f"There will be room from {end:%Y-%m-%d} on" in text
    # The others can be had nevertheless.
    assert response.context["comparison"]["cards"]["random"].outcome.possible


def test_settings_that_changed_after_the_comparison_are_told_apart(
    crowded: Experiment, client: Client
) -> None:
    _, fields = _compared(client)
    same = client.post(NEW, fields | {"op": "as_json", "conditions_json": "[]"})
    assert "what you saw is what is drawn" in _words(same)
    changed = _words(client.post(NEW, fields | {"op": "add_variant"}))
    assert "Compare them again" in changed
    assert 'name="seed"' not in changed
    saved = client.post(NEW, fields | {"v.1.percent": "10"}, follow=True)
    assert "the draw will not be the one you saw" in _words(saved)
    assert SettingsGroup.objects.get(experiment=crowded).draw_seed is None


def test_picking_another_objective_or_writing_a_reason_changes_nothing(
    crowded: Experiment, client: Client
) -> None:
    _, fields = _compared(client)
    saved = client.post(NEW, fields | {"draw": "random", "message": "Because"}, follow=True)
    assert "not be the one you saw" not in _words(saved)
    made = SettingsGroup.objects.get(experiment=crowded)
    assert (made.draw_objective, str(made.draw_seed)) == ("random", fields["seed"])


def test_without_a_warehouse_there_are_words_and_nothing_typed_is_lost(
    crowded: Experiment, client: Client, settings: Settings
) -> None:
    settings.WAREHOUSE_URL = "nonsense://nowhere"
    response = client.post(NEW, _typed(op="compare", message="A long sentence"))
    text = _words(response)
    assert response.status_code == 503
    assert "The draws cannot be compared at the moment" in text
    assert "WAREHOUSE_URL must be like" in text
    assert "A long sentence" in text
    preview = client.post(f"{NEW}preview/", _typed()).content.decode()
    assert "The users cannot be counted at the moment" in preview


def test_settings_that_are_wrong_are_refused_at_their_fields(crowded: Experiment, client: Client) -> None:
    response = client.post(NEW, _typed(**{"op": "compare", "v.1.percent": "0.7", "v.1.payload": "{"}))
    assert response.status_code == 422
    text = _words(response)
    assert "Nothing is saved yet" in text
    assert "Variant 2, payload" in text
    assert client.post(NEW, _typed(**{"op": "compare", "v.1.percent": "0.7"})).status_code == 422


def test_a_seed_that_nobody_was_given_is_not_taken(crowded: Experiment, client: Client) -> None:
    client.post(NEW, _typed(seed="4711", compared="made up"))
    assert SettingsGroup.objects.get(experiment=crowded).draw_seed is None


def test_drafts_of_others_have_no_name_in_the_comparison(
    mia: Actor, people: People, warehouse: Any, client: Client
) -> None:
    other = Actor.person(people.other_manager)
    large = [{"name": "hidden_variant", "percent": "99"}]
    make_experiment(other, Status.DRAFT, key="secret_idea", properties={"area": "x"}, variants=large)
    make_draft(mia, key="green_button", area="x")
    text = _words(_compared(client)[0])
    assert "with a draft of other managers" in text
    assert "secret_idea" not in text
    assert "hidden_variant" not in text


def test_a_running_test_is_told_whom_each_draw_moves(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.RUNNING, key="green_button")
    page = client.get(NEW)
    assert "Users of the control may move to another variant" in page.content.decode()
    fields = {"based_on": "1", "v.1.percent": "20"}
    response, _ = _compared(client, **fields)
    assert "keep their variant" in _words(response)
    kept = response.context["comparison"]["cards"]["fewest_shared_users"].outcome.moves
    assert (kept.leave, kept.change) == (0, 0)
    assert kept.join > 0
    # Without other tests there is nothing to choose between.
    assert "Every choice gives the same draw" in _words(response)
    shrunk, _ = _compared(client, **{**fields, "v.0.percent": "1", "allow_control_to_treatment": "1"})
    assert shrunk.context["form"].allow_control_to_treatment


def test_only_who_may_save_may_compare(crowded: Experiment, people: People, client: Client) -> None:
    for person in (people.other_manager, people.viewer, people.qa):
        client.force_login(person)
        assert client.post(NEW, _typed(op="compare")).status_code in {403, 404}


def test_the_preview_says_about_how_many_users_each_variant_has(
    crowded: Experiment, warehouse: Any, client: Client
) -> None:
    users = warehouse.user_count()
    text = _words(client.post(f"{NEW}preview/", _typed(**{"v.1.percent": "10"})))
    assert f"about {round(users * 0.05):,} in control, {round(users * 0.1):,} in green." in text
    dealt = _words(client.post(f"{NEW}preview/", _typed(split_by="total", total_percent="50")))
    assert f"about {round(users / 4):,} in control, {round(users / 4):,} in green." in dealt
    unread = _words(client.post(f"{NEW}preview/", _typed(**{"v.0.percent": "a lot", "v.1.name": ""})))
    assert f"about {round(users * 0.05):,} in variant 2." in unread
