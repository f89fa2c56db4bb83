"""This repository's own SDK, measured like every other library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from bench.peers.driver import Call
from bench.workload import Plan, Visitor
from usersplit_sdk import Client, Environment, User

TITLE = "UserSplit"


class UserSplit:
    """``get_active_variant`` and ``active_variants`` of one client."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.client = Client.from_documents([plan.document() for plan in tests])

    def check(self, plan: Plan, person: Visitor) -> Call:
        # log_hit by position: a partial with keywords copies them for every call, which a call written out does not.
        return partial(self.client.get_active_variant, plan.key, *_subject(person), False)

    def request(self, person: Visitor) -> Call:
        return partial(self.client.active_variants, *_subject(person))

    def variant(self, answer: object) -> str | None:
        return answer if isinstance(answer, str) else None

    def variants(self, answer: object) -> Mapping[str, str]:
        return answer if isinstance(answer, dict) else {}


def _subject(person: Visitor) -> tuple[User, Environment]:
    user = User(id=person.id, split_group=person.split_group, attributes=person.profile)
    return user, Environment(attributes=person.request)


def make(tests: Sequence[Plan]) -> UserSplit:
    return UserSplit(tests)
