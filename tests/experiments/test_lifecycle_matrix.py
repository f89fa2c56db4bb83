"""Every status × verb × who asks, for tests and user groups."""

from __future__ import annotations

import itertools

import pytest

from accounts.actors import Actor
from changelog.models import Entry
from core.errors import Conflict, DomainError, NotAllowed, NotFound
from experiments.lifecycle import Standing, Status, Verb
from experiments.models import Experiment, Kind
from experiments.services import apply_verb
from tests.conftest import People
from tests.factories import make_experiment

# Written out once more, by hand, from the contract: the table under test must not be its own judge.
LEADS_TO = {
    (Status.DRAFT, Verb.PUBLISH): Status.DEV,
    (Status.DEV, Verb.WITHDRAW): Status.DRAFT,
    (Status.DEV, Verb.START): Status.RUNNING,
    (Status.DEV, Verb.FINISH): Status.FINISHED,
    (Status.RUNNING, Verb.PAUSE): Status.PAUSED,
    (Status.RUNNING, Verb.FINISH): Status.FINISHED,
    (Status.PAUSED, Verb.RESUME): Status.RUNNING,
    (Status.PAUSED, Verb.FINISH): Status.FINISHED,
}
MAY_ACT = {Standing.SUPERUSER, Standing.MANAGER}


def expected_error(status: Status, verb: Verb, standing: Standing) -> type[DomainError] | None:
    if standing not in MAY_ACT:
        return NotFound if status == Status.DRAFT else NotAllowed
    return None if (status, verb) in LEADS_TO else Conflict


@pytest.mark.parametrize("kind", list(Kind), ids=str)
@pytest.mark.parametrize(("status", "verb", "standing"), list(itertools.product(Status, Verb, Standing)))
def test_every_verb_in_every_status_by_everybody(
    people: People, kind: Kind, status: Status, verb: Verb, standing: Standing
) -> None:
    experiment = make_experiment(Actor.person(people.manager), status, kind)
    entries = Entry.objects.count()
    ending = {"result": "rejected"} if verb == Verb.FINISH and kind == Kind.TEST else None
    error = expected_error(status, verb, standing)
    actor = Actor.person(getattr(people, standing.value))

    if error is None:
        apply_verb(actor, experiment, verb, ending)
        after, written = LEADS_TO[status, verb], 1
    else:
        with pytest.raises(error):
            apply_verb(actor, experiment, verb, ending)
        after, written = status, 0

    assert Experiment.objects.get(pk=experiment.pk).status == after
    assert Entry.objects.count() == entries + written
