"""What is missing before publish and before start: the rules, and that they are the services' own."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.actors import Actor
from core import clock
from core.errors import Conflict
from experiments.checklist import CheckItem, Known, Newest, Section, checklist
from experiments.lifecycle import Requirement, Status, Verb
from experiments.models import Experiment, Kind, Preparation, PreparationState
from experiments.readiness import checklist_of, obstacle
from experiments.services import apply_verb, approve_start, request_approval
from tests.conftest import People
from tests.factories import PATHS, add_prepared, add_settings, make_draft, make_experiment

READY = Known(
    status=Status.DEV,
    is_test=True,
    met={
        Verb.PUBLISH: {Requirement.PREPARED: True},
        Verb.START: {Requirement.PREPARED: True, Requirement.SHARE: True},
    },
    newest=Newest(2, is_ready=True, has_failed=False),
    current=2,
    users=1_500,
    variant_users=150,
    ended="",
    managers=1,
    written=frozenset({"hypothesis", "metric", "success"}),
)


def _sections(**changes: Any) -> dict[Verb, Section]:
    return {section.verb: section for section in checklist(dataclasses.replace(READY, **changes))}


def _open(section: Section) -> list[CheckItem]:
    return [item for item in section.items if not item.done]


def test_a_test_that_has_everything_misses_nothing() -> None:
    sections = _sections()
    assert list(sections) == [Verb.START]
    assert _open(sections[Verb.START]) == []
    assert _sections(status=Status.RUNNING) == {}
    assert _sections(status=Status.FINISHED) == {}


def test_a_draft_is_asked_for_publishing_first() -> None:
    sections = _sections(status=Status.DRAFT)
    assert sections[Verb.PUBLISH].missing == 0
    assert [item.text for item in _open(sections[Verb.START])] == [
        "Published to dev, where test users can try it"
    ]


@pytest.mark.parametrize(
    ("changes", "text", "card"),
    [
        ({"managers": 0}, "Somebody manages it", "properties"),
        ({"written": frozenset({"metric", "success"})}, "The hypothesis is written down", "properties"),
        ({"users": None, "variant_users": None}, "Its audience is counted", "audience"),
        (
            {"users": 0, "variant_users": 0},
            "Nobody meets its conditions at present",
            "audience",
        ),
        ({"variant_users": 0}, "Nobody gets a variant at present, of 1,500 users", "audience"),
        ({"ended": "2026-11-22"}, "Its dates ended on 2026-11-22", "settings"),
        (
            {"newest": Newest(3, is_ready=False, has_failed=True)},
            "Settings 3 could not be prepared; 2 apply",
            "settings",
        ),
        (
            {"newest": Newest(3, is_ready=False, has_failed=False)},
            "Settings 3 are still being prepared; 2 apply",
            "settings",
        ),
    ],
)
def test_advice_names_what_is_missing_and_blocks_nothing(
    changes: dict[str, Any], text: str, card: str
) -> None:
    section = _sections(**changes)[Verb.START]
    assert _open(section) == [CheckItem(text, False, card, is_advice=True)]
    assert section.missing == 0


def test_a_group_is_asked_for_no_variants_and_no_hypothesis() -> None:
    met = {verb: {Requirement.PREPARED: True} for verb in (Verb.PUBLISH, Verb.START)}
    section = _sections(is_test=False, met=met, variant_users=0, written=frozenset())[Verb.START]
    assert _open(section) == []


def test_an_idea_misses_settings_and_a_failed_preparation_says_so(manager: Actor) -> None:
    idea = make_draft(manager, key="idea")
    missing = [item.text for item in _open(checklist_of(idea)[0]) if not item.is_advice]
    assert missing == [
        "Settings are saved: dates, who takes part, variants",
        "They are prepared: users are counted and split groups drawn",
    ]
    made = add_settings(manager, idea)
    Preparation.objects.filter(settings_group=made).update(state=PreparationState.FAILED, error="No disk")
    missing = [item.text for item in _open(checklist_of(idea)[0]) if not item.is_advice]
    assert missing == ["Settings 1 could not be prepared: change them or try again"]


@pytest.mark.parametrize("kind", [Kind.TEST, Kind.GROUP])
@pytest.mark.parametrize("approval", ["", "not needed", "asked", "given"])
@pytest.mark.parametrize("share", ["0", "5"])
def test_something_is_missing_exactly_while_the_service_refuses(
    people: People, warehouse: object, settings: Settings, kind: str, approval: str, share: str
) -> None:
    settings.START_NEEDS_APPROVAL = approval != "not needed"
    mia, other = Actor.person(people.manager), Actor.person(people.other_manager)
    variants = {"variants": [{"name": "a", "percent": share}]} if kind == Kind.TEST else {}
    made = make_draft(mia, "x1", kind)
    _agree(mia, made, Verb.PUBLISH)
    add_prepared(mia, made, **variants)
    made = _fresh()
    _agree(mia, made, Verb.PUBLISH)
    for verb in PATHS[Status.DEV]:
        apply_verb(mia, made, verb)
    if approval in {"asked", "given"}:
        request_approval(mia, _fresh())
    if approval == "given":
        approve_start(other, _fresh())
    _agree(mia, _fresh(), Verb.START)


def _fresh() -> Experiment:
    return Experiment.objects.select_related("current__preparation").get(key="x1")


def _agree(actor: Actor, experiment: Experiment, verb: Verb) -> None:
    (section,) = [one for one in checklist_of(experiment) if one.verb == verb]
    assert bool(section.missing) == bool(obstacle(experiment, verb)), section
    if section.missing:
        with pytest.raises(Conflict):
            apply_verb(actor, experiment, verb)
    elif verb == Verb.START:
        assert apply_verb(actor, experiment, verb).status == Status.RUNNING


def test_dates_that_are_over_are_advice_the_service_starts_all_the_same(
    manager: Actor, warehouse: object
) -> None:
    with clock.frozen_at(clock.now() - dt.timedelta(days=30)):
        ends_at = (clock.now() + dt.timedelta(days=3)).replace(hour=22).isoformat()
        made = make_experiment(manager, Status.DEV, key="late", ends_at=ends_at)
    (section,) = checklist_of(made)
    (late,) = [item for item in _open(section) if item.card == "settings"]
    assert late.is_advice
    ended = made.current.ends_at if made.current else None
    assert ended is not None
    assert late.text == f"Its dates ended on {ended:%Y-%m-%d}"
    with clock.frozen_at(ended - dt.timedelta(seconds=1)):
        assert not [item for item in _open(checklist_of(made)[0]) if item.card == "settings"]
    with timezone.override("Asia/Tokyo"):
        (late,) = [item for item in _open(checklist_of(made)[0]) if item.card == "settings"]
    assert late.text == f"Its dates ended on {ended + dt.timedelta(days=1):%Y-%m-%d}"
    assert apply_verb(manager, made, Verb.START).status == Status.RUNNING
