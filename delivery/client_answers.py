"""What a client app is told of its tests, which cannot decide for itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core import clock
from delivery.evaluation import delivered_now
from delivery.subjects import Subject
from usersplit_sdk.engine import read_subject


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """What a client has to know of its tests, by key: the user's variants, the payloads of those that have one, and what
    to send as a hit when a variant is shown, all but the time."""

    version: int
    variants: dict[str, str]
    payloads: dict[str, object]
    hits: dict[str, dict[str, object]]


def client_answer(subject: Subject, environment: str) -> ClientAnswer:
    """The tests that clients take part in and in which the user has a variant.

    These are the tests on the client's side, and whatever else the client names as supported; tests that only
    servers decide are no business of a client that does not know them.
    """
    delivered, moment = delivered_now(), clock.now()
    client = delivered.client(environment)
    supported: Collection[str] = subject.environment.supported_tests or ()
    answer = ClientAnswer(delivered.version, {}, {}, {})
    who = read_subject(subject.user, subject.environment)
    for key, variant in client.active_variants(subject.user, subject.environment, now=moment).items():
        if key not in supported and delivered.tests[key]["side"] == "server":
            continue
        decision = client.explain(key, subject.user, subject.environment, now=moment)
        payload = delivered.payload(key, variant)
        answer.variants[key] = variant
        if payload is not None:
            answer.payloads[key] = payload
        answer.hits[key] = {
            "test": key,
            "settings_group": decision.settings_group,
            "variant": variant,
            "user_id": who.user_id,
            "device_id": who.device_id,
            "split_group": who.split_group or None,
            "environment": environment,
            # As the SDK says it: also where something else than that decided.
            "forced": delivered.is_forced(key, environment, who.user_id, who.device_id),
            "test_user": who.is_test_user,
        }
    return answer
