"""A start that needs a second person."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from accounts.actors import Actor
from core.errors import Conflict, NotAllowed
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, StartApproval
from experiments.services import apply_verb, approve_start, request_approval
from tests.conftest import People
from tests.factories import add_prepared, make_experiment


@pytest.fixture
def experiment(settings: Settings, manager: Actor) -> Experiment:
    settings.START_NEEDS_APPROVAL = True
    return make_experiment(manager, Status.DEV)


def test_without_approval_it_does_not_start(manager: Actor, experiment: Experiment) -> None:
    with pytest.raises(Conflict, match="second person"):
        apply_verb(manager, experiment, Verb.START)
    request_approval(manager, experiment)
    with pytest.raises(Conflict, match="second person"):
        apply_verb(manager, experiment, Verb.START)


def test_whoever_asked_cannot_approve(manager: Actor, experiment: Experiment) -> None:
    request_approval(manager, experiment)
    with pytest.raises(NotAllowed, match="second person"):
        approve_start(manager, experiment)
    with pytest.raises(IntegrityError), transaction.atomic():
        StartApproval.objects.update(approved_by=manager.user)


@pytest.mark.parametrize("approver", ["superuser", "other_manager"])
def test_a_second_person_approves_and_it_starts(
    people: People, manager: Actor, experiment: Experiment, approver: str
) -> None:
    request_approval(manager, experiment)
    approve_start(Actor.person(getattr(people, approver)), experiment)
    assert apply_verb(manager, experiment, Verb.START).status == Status.RUNNING


@pytest.mark.parametrize("role", ["developer", "qa", "viewer"])
def test_those_who_only_look_cannot_approve(
    people: People, manager: Actor, experiment: Experiment, role: str
) -> None:
    request_approval(manager, experiment)
    with pytest.raises(NotAllowed):
        approve_start(Actor.person(getattr(people, role)), experiment)


def test_new_settings_need_a_new_approval(people: People, manager: Actor, experiment: Experiment) -> None:
    request_approval(manager, experiment)
    approve_start(Actor.person(people.superuser), experiment)
    add_prepared(manager, experiment)
    with pytest.raises(Conflict, match="settings group 2"):
        apply_verb(manager, experiment, Verb.START)
    with pytest.raises(Conflict, match="asked"):
        approve_start(Actor.person(people.superuser), experiment)
