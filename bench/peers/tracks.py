"""tracks: a class per test, eligibility and the share of users written in the class."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial

from tracks import SimpleTrackSet

from bench.peers.driver import Call, one_by_one
from bench.workload import Plan, Visitor

TITLE = "tracks"


class Test(SimpleTrackSet):  # type: ignore[misc]
    """Its control is its own; a share of users is by hand, with the kind of hash it uses itself."""

    plan: Plan

    def green_track(self) -> None:
        """The other variant's code."""

    @property
    def is_eligible(self) -> bool:
        plan, person = self.plan, self.context
        if (person.country_id in plan.countries and person.platform == plan.platform) or person.is_test_user:
            digest = hashlib.md5(f"{plan.key}/{person.id}".encode(), usedforsecurity=False).hexdigest()
            return int(digest[:8], 16) % 100 < plan.percent
        return False


class Tracks:
    """A track set per decision."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.sets = {plan.key: type(plan.key, (Test,), {"name": plan.key, "plan": plan}) for plan in tests}

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self.sets[plan.key], context=person, key=person.id)

    def request(self, person: Visitor) -> Call:
        return one_by_one(
            [(key, partial(each, context=person, key=person.id)) for key, each in self.sets.items()]
        )

    def variant(self, answer: object) -> str | None:
        track = getattr(answer, "track", None)
        return None if track is None else str(track.name)

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: name for key, track in answer.items() if (name := self.variant(track)) is not None}


def make(tests: Sequence[Plan]) -> Tracks:
    return Tracks(tests)
