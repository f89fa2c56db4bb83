"""What a user would get and why, by the engine that app servers use, from the files that they have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from accounts.actors import Actor
from audience.catalogue import load_catalogue
from core import clock
from core.errors import InvalidInput, NotFound
from delivery.evaluation import delivered_now
from delivery.subjects import Subject
from experiments.models import ForcedUser, TestsOff
from experiments.selectors import visible_experiments
from experiments.services import switch_tests_on, unforce_user
from qa_tools.explaining import explain_decision
from usersplit_sdk import Decision


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision on one test, and the same in words."""

    test: str
    decision: Decision
    explanation: str


@dataclass(frozen=True, slots=True)
class Check:
    """Answers by test, the user groups that the user is in, and the version of the delivery that says so."""

    version: int
    subject: Subject
    answers: tuple[Answer, ...]
    groups: tuple[str, ...]


def check_user(subject: Subject, environment: str, tests: Iterable[str] | None = None) -> Check:
    """Explain every delivered test, or those named. `environment` (production, devel) is whose forced users apply.

    What changed a moment ago is published first, so the answer is never older than the question. Drafts are not
    delivered, so nobody learns of one here.
    """
    delivered = delivered_now(up_to_date=True)
    client, moment, catalogue = delivered.client(environment), clock.now(), load_catalogue()
    answers = []
    for key in delivered.tests if tests is None else tests:
        decision = client.explain(key, subject.user, subject.environment, now=moment)
        answers.append(Answer(key, decision, explain_decision(decision, delivered.tests.get(key), catalogue)))
    groups = tuple(
        key
        for key in delivered.groups
        if client.is_in_group(key, subject.user, subject.environment, now=moment)
    )
    return Check(delivered.version, subject, tuple(answers), groups)


@transaction.atomic
def unforce_matching(
    actor: Actor, *, user_id: str = "", device_id: str = "", test: str = "", environment: str = ""
) -> int:
    """End what is forced for a user or device (exactly one id), in one test and environment or in all: how many were.

    Raises InvalidInput without exactly one id, NotFound when nothing matches.
    """
    _require_one_id(user_id, device_id)
    rows = ForcedUser.objects.filter(user_id=user_id, device_id=device_id)
    rows = rows.filter(experiment__in=visible_experiments(actor, "test"))
    if test:
        rows = rows.filter(experiment__key=test)
    if environment:
        rows = rows.filter(environment=environment)
    ids = list(rows.values_list("pk", flat=True))
    if not ids:
        raise NotFound("Nothing is forced for that user or device.")
    for forced_id in ids:
        unforce_user(actor, forced_id)
    return len(ids)


def switch_tests_on_for(actor: Actor, *, user_id: str = "", device_id: str = "") -> None:
    """Tests apply to this user or device again. Raises InvalidInput without exactly one id, NotFound."""
    _require_one_id(user_id, device_id)
    off = TestsOff.objects.filter(user_id=user_id, device_id=device_id).first()
    if off is None:
        raise NotFound("Tests are not off for that user or device.")
    switch_tests_on(actor, off.pk)


def _require_one_id(user_id: str, device_id: str) -> None:
    if bool(user_id) == bool(device_id):
        raise InvalidInput.at("user_id", "Give either a user id or a device id.")
