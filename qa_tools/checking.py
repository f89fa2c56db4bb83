"""What a user gets and why, by the engine that app servers use, from the files that they have, or had at a past moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext

from accounts.actors import Actor
from audience.catalogue import load_catalogue
from audience.specs import Catalogue
from core import clock
from core.errors import InvalidInput
from delivery.earlier import delivered_at, first_delivery
from delivery.evaluation import Delivered, delivered_now
from delivery.subjects import Subject
from experiments.models import Kind
from experiments.selectors import visible_experiments
from qa_tools.explaining import explain_decision
from usersplit_sdk import Decision, Reason
from usersplit_sdk.trace import Trace, trace_conditions, trace_decision

# The contract's order of evaluation: these settle a test before its conditions.
_BEFORE_CONDITIONS: Final = {
    Reason.REJECTED,
    Reason.FORCED,
    Reason.TESTS_OFF,
    Reason.PAUSED,
    Reason.NOT_A_TEST_USER,
    Reason.OUTSIDE_DATES,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision on one test, and the status that its file gives it ("" if there is none)."""

    test: str
    decision: Decision
    status: str
    document: Mapping[str, Any] | None
    catalogue: Catalogue

    @property
    def explanation(self) -> str:
        """The decision in words. Made when it is read: a page shows some of a thousand."""
        return explain_decision(self.decision, self.document, self.catalogue)


@dataclass(frozen=True, slots=True)
class Check:
    """Answers by test, the user groups that the user is in, and the delivery that says so.

    `as_of` is the past moment that was asked about, None for now; the profile is today's either way.
    """

    subject: Subject
    environment: str
    answers: tuple[Answer, ...]
    groups: tuple[str, ...]
    other_groups: tuple[str, ...]
    moment: dt.datetime
    as_of: dt.datetime | None
    delivered: Delivered
    catalogue: Catalogue

    @property
    def version(self) -> int:
        return self.delivered.version

    def trace(self, answer: Answer) -> Trace | None:
        """The test's conditions for this user, predicate by predicate; None where there is no usable file."""
        if answer.decision.reason is Reason.UNKNOWN_TEST:
            return None
        subject = self.subject
        client = self.delivered.client(self.environment)
        return trace_decision(
            client, answer.test, subject.user, subject.environment, now=self.moment
        ).conditions

    def asked_conditions(self, answer: Answer) -> bool:
        """Whether the decision came to the conditions at all."""
        outcome = self.delivered.tests.get(answer.test, {}).get("outcome") or {}
        return answer.decision.reason not in _BEFORE_CONDITIONS and not (
            answer.decision.reason is Reason.WINNER and outcome.get("scope") == "everywhere"
        )

    def trace_group(self, key: str) -> Trace:
        """The same for a user group."""
        subject = self.subject
        conditions = self.delivered.groups[key]["conditions"]
        return trace_conditions(conditions, subject.user, subject.environment, self.moment)


def check_user(
    actor: Actor,
    subject: Subject,
    environment: str,
    tests: Iterable[str] | None = None,
    as_of: dt.datetime | None = None,
) -> Check:
    """Explain every delivered test, or those named. `environment` (production, devel) is whose forced users apply.

    Now: what changed a moment ago is published first, so the answer is never older than the question. As of a past moment: the
    files that were delivered then, decided at that time. What is a draft today does not exist for those who may not know of it.
    Raises InvalidInput (`as_of`) for the future and for the time before the first delivery.
    """
    moment = clock.now() if as_of is None else as_of
    delivered = delivered_now(up_to_date=True) if as_of is None else _delivered_then(as_of)
    client, catalogue = delivered.client(environment), load_catalogue()
    known = _known_keys(actor, Kind.TEST)
    answers = []
    for key in delivered.tests if tests is None else tests:
        document = delivered.tests.get(key)
        if document is None or key not in known:
            if tests is None:
                continue
            decision, document = Decision(None, Reason.UNKNOWN_TEST), None
        else:
            decision = client.explain(key, subject.user, subject.environment, now=moment)
        answers.append(Answer(key, decision, document["status"] if document else "", document, catalogue))
    own: list[str] = []
    other: list[str] = []
    for key in _known_keys(actor, Kind.GROUP) & delivered.groups.keys():
        is_in = client.is_in_group(key, subject.user, subject.environment, now=moment)
        (own if is_in else other).append(key)
    groups = tuple(sorted(own)), tuple(sorted(other))
    return Check(subject, environment, tuple(answers), *groups, moment, as_of, delivered, catalogue)


def _delivered_then(moment: dt.datetime) -> Delivered:
    if moment > clock.now():
        raise InvalidInput.at("as_of", gettext("Lies in the future."))
    found = delivered_at(moment)
    if found is None:
        first = first_delivery()
        if first is None:
            raise InvalidInput.at(
                "as_of", gettext("Nothing had been delivered then: there was no delivery yet.")
            )
        words = gettext("Nothing had been delivered then: the first delivery was on %(day)s at %(time)s UTC.")
        raise InvalidInput.at("as_of", words % {"day": f"{first:%Y-%m-%d}", "time": f"{first:%H:%M:%S}"})
    return found


def _known_keys(actor: Actor, kind: str) -> set[str]:
    return set(visible_experiments(actor, kind).values_list("key", flat=True))
