"""Measures one library in its own process, a round for every line on standard input.

    <its environment>/bin/python -m bench.peers.driver eppo

It first sees to it that the library's answers are right. Standard library and ``bench`` only: this runs where
nothing of ours is installed. Every library gets its subjects (contexts, attributes) made beforehand, and is called
through ``functools.partial``, which without keywords adds nothing to speak of.
"""

from __future__ import annotations

import importlib
import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from bench.by_hand import AppRequest, AppUser, GreenButton, ifs
from bench.measuring import Way, one_round
from bench.workload import CONTROL, GREEN, Plan, Visitor, hot_for_many, one_plan, plans, visitor, visitors

MANY = 40
CROWD = 200
PROBES = 2000
MICROSECONDS_A_WAY = 20_000
CANDIDATES = 3000

Call = Callable[[], object]


class Peer(Protocol):
    """A library that holds all tests of ``tests``, ready to decide."""

    def check(self, plan: Plan, person: Visitor) -> Call:
        """The library's best call for one test of one user."""

    def request(self, person: Visitor) -> Call:
        """Its best call, or calls, for all tests of one user."""

    def variant(self, answer: object) -> str | None:
        """What ``check``'s call answered: the variant, or None."""

    def variants(self, answer: object) -> Mapping[str, str]:
        """What ``request``'s call answered: variants by test."""


Make = Callable[[Sequence[Plan]], Peer]


class Measured:
    """A library with its two sets of tests, checked and ready for rounds."""

    def __init__(self, make: Make) -> None:
        self.plan, self.many = one_plan(), plans(MANY)
        self.single, self.whole = make([self.plan]), make(self.many)

    def ways(self) -> dict[str, Way]:
        """Everything a round times: one user, one with more attributes, and many in turn; the library and the ifs."""
        likely = sorted({country for plan in self.many for country in plan.countries})
        one_crowd, many_crowd = visitors(CROWD, self.plan.countries), visitors(CROWD, likely)
        model = hot_for_many(self.many, many_crowd)
        one_user, whole_one = self._hot(self.plan.countries[1], self.plan.platform, self._sees_one)
        any_user, whole_any = self._hot(model.country_id, model.platform, self._sees_any)
        people = {
            "user": ([one_user], [any_user]),
            "whole": ([whole_one], [whole_any]),
            "crowd": (one_crowd, many_crowd),
        }
        button, all_ifs = GreenButton(), ifs(self.many)
        made = {}
        for who, (for_one, for_many) in people.items():
            made[f"if {who}"] = _way([partial(button.variant, *_app(person)) for person in for_one])
            made[f"check {who}"] = _way([self.single.check(self.plan, person) for person in for_one])
            made[f"ifs {who}"] = _way([partial(all_ifs, *_app(person)) for person in for_many])
            made[f"request {who}"] = _way([self.whole.request(person) for person in for_many])
        return made

    def must_be_right(self) -> None:
        """Users outside the conditions get nothing; of those inside, the right share gets each variant."""
        inside = []
        for person in visitors(PROBES, self.plan.countries, test_users=0.1):
            answer = self.single.variant(self.single.check(self.plan, person)())
            if self.plan.matches(person):
                inside.append(answer)
            elif answer is not None:
                raise SystemExit(f"{person} got {answer} without meeting the conditions")
        _must_share(inside, self.plan.percent)
        probes = visitors(PROBES, self.plan.countries, seed=6, test_users=0.1)
        found = [self.whole.variants(self.whole.request(person)()) for person in probes]
        answers: list[str | None] = []
        for person, got in zip(probes, found, strict=True):
            matching = [plan.key for plan in self.many if plan.matches(person)]
            if not set(got) <= set(matching):
                raise SystemExit(f"{person} got {got}, but meets the conditions of {matching} only")
            answers += [got.get(key) for key in matching]
        _must_share(answers, self.many[0].percent)

    def _hot(self, country: int, platform: str, sees: Callable[[Visitor], bool]) -> tuple[Visitor, Visitor]:
        """A user of that country and platform whom this library, by its own hash, shows something; and its twin
        with all attributes that there are."""
        for number in range(CANDIDATES):
            made = partial(
                visitor, f"user-hot-{number}", number % 2400 + 1, country, platform, is_test_user=False
            )
            if sees(made()):
                return made(), made(whole=True)
        raise SystemExit("nobody sees a variant")

    def _sees_one(self, person: Visitor) -> bool:
        return self.single.variant(self.single.check(self.plan, person)()) is not None

    def _sees_any(self, person: Visitor) -> bool:
        return bool(self.whole.variants(self.whole.request(person)()))


def one_by_one(calls: Sequence[tuple[str, Call]]) -> Call:
    """For libraries without a call for all tests: one call each, the answers by test."""

    def request() -> dict[str, object]:
        return {key: call() for key, call in calls}

    return request


def _must_share(answers: Sequence[str | None], percent: int) -> None:
    for name in (CONTROL, GREEN):
        share = 100 * answers.count(name) / len(answers)
        allowed = max(1.5, percent * 0.1)
        if abs(share - percent / 2) > allowed:
            raise SystemExit(
                f"{share:.1f} % of {len(answers)} users who match saw {name} instead of {percent / 2} %"
            )
    if not set(answers) <= {CONTROL, GREEN, None}:
        raise SystemExit(f"answers that nobody planned: {set(answers)}")


def _app(person: Visitor) -> tuple[AppUser, AppRequest]:
    return AppUser(person.id, person.split_group, person.profile), AppRequest(person.request)


def _way(calls: Sequence[Call]) -> Way:
    """All calls in turn, as often as makes a time worth reading."""

    def turn(turns: int) -> None:
        for _ in itertools.repeat(None, turns):
            for call in calls:
                call()

    turn(1)
    once = one_round({"": Way(partial(turn, 1), 1)})[""]
    turns = max(1, round(MICROSECONDS_A_WAY / 1e6 / max(once, 1e-7)))
    return Way(partial(turn, turns), turns * len(calls))


def main(name: str) -> None:
    """Check the library, say so, then measure a round for every line that comes in."""
    module = importlib.import_module(f"bench.peers.{name}")
    measured = Measured(module.make)
    measured.must_be_right()
    ways = measured.ways()
    print(json.dumps({"title": module.TITLE}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(one_round(ways)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
