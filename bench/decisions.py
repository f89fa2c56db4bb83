"""Decisions of the SDK against ifs written by hand: one check, and all tests of a request at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.by_hand import AllByHand, AppRequest, AppUser, GreenButton, ifs, tight_ifs
from bench.measuring import Figure, Times, Way, figures, in_turns, times_as_long, timing_table
from bench.workload import (
    Plan,
    Visitor,
    hot_for_many,
    hot_for_one,
    one_plan,
    plans,
    tester_for_many,
    visitors,
)
from usersplit_sdk import Client, Environment, RecordingHits, User

MANY, MOST = 40, 1000
CROWD = 400
ROUNDS = 31
CALLS = 20_000

BY_HAND = "an if by hand, behind a method"
CHECK = "get_active_variant(log_hit=False)"
RECORDED = "get_active_variant, RecordingHits, user already seen"
APP_OBJECTS = "the if by hand, an application's user and request made first"
OUR_OBJECTS = "the same check, its User and Environment made first"
IFS, TIGHT = f"{MANY} ifs by hand", f"{MANY} ifs by hand in one function, values read once"
ALL_OF_MANY, ALL_OF_MOST = f"active_variants, {MANY} tests", f"active_variants, {MOST:,} tests"

NEW_IFS = f"{MANY} ifs by hand, an application's user and request made first"
NEW_ALL = f"active_variants, {MANY} tests, User and Environment made first"

Pairs = list[tuple[User, Environment]]
AppPairs = list[tuple[AppUser, AppRequest]]


@dataclass(frozen=True)
class Size:
    """How much is measured: the whole for figures, next to nothing for a test of the benchmark itself."""

    rounds: int = ROUNDS
    calls: int = CALLS
    crowd: int = CROWD


@dataclass(frozen=True)
class Case:
    """Who the decisions are for; ``asked`` when the figures are judged by it."""

    title: str
    people: list[Visitor]
    asked: bool = True

    def pairs(self) -> Pairs:
        """The people in the SDK's own classes."""
        return [
            (
                User(id=person.id, split_group=person.split_group, attributes=person.profile),
                Environment(attributes=person.request),
            )
            for person in self.people
        ]

    def app_pairs(self) -> AppPairs:
        """The people in an application's classes: ifs by hand shall not pay for ours."""
        return [
            (AppUser(person.id, person.split_group, person.profile), AppRequest(person.request))
            for person in self.people
        ]

    def turns(self, calls: int) -> int:
        return max(1, calls // len(self.people))


def run(size: Size | None = None) -> str:
    """The tables and the figures, as text."""
    size = size or Size()
    parts, summary = [], []
    plan, many = one_plan(), plans(MANY)
    crowd = visitors(size.crowd, plan.countries)
    for case in (Case("one user", [hot_for_one(plan)]), Case(f"{len(crowd)} users in turn", crowd)):
        times = in_turns(single_checks(plan, case, size.calls), size.rounds)
        title = f"One check (country in 5 of 200 and platform, or test user; two variants), {case.title}"
        parts.append(timing_table(title, times, BY_HAND))
        summary += single_figures(times, case.title)
    crowd = visitors(size.crowd, sorted({country for plan in many for country in plan.countries}))
    for case in (
        Case("one user", [hot_for_many(many, crowd)]),
        Case("one test user, who meets all conditions", [tester_for_many(many, crowd)], asked=False),
        Case(f"{len(crowd)} users in turn", crowd),
    ):
        times = in_turns(whole_requests(many, case, size.calls // 10), size.rounds)
        parts.append(timing_table(f"A request: all tests at 10 % each, {case.title}", times, IFS))
        if case.asked:
            summary += request_figures(times, case.title)
    return "\n\n".join([*parts, "Asked, of decisions\n" + figures(summary)])


def single_figures(times: Times, who: str) -> list[Figure]:
    """What the issue asks of one check."""
    return [
        Figure(f"one check / an if by hand ({who})", times_as_long(times, CHECK, BY_HAND), 3),
        Figure(f"one check with hits / without ({who})", times_as_long(times, RECORDED, CHECK), 1.5),
    ]


def request_figures(times: Times, who: str) -> list[Figure]:
    """What the issue asks of a whole request."""
    return [
        Figure(f"active_variants of {MANY} / {MANY} ifs ({who})", times_as_long(times, ALL_OF_MANY, IFS), 1),
        Figure(f"active_variants of {MOST:,} / of {MANY} ({who})",
               times_as_long(times, ALL_OF_MOST, ALL_OF_MANY), 10),
    ]  # fmt: skip


def single_checks(plan: Plan, case: Case, calls: int) -> dict[str, Way]:
    """The ways of one check, agreed on every user's answer."""
    button = GreenButton()
    client = Client.from_documents([plan.document()])
    recording = Client.from_documents([plan.document()], hits=RecordingHits())
    pairs, app_pairs, turns = case.pairs(), case.app_pairs(), case.turns(calls)
    for person, (user, request), app_pair in zip(case.people, pairs, app_pairs, strict=True):
        without = client.get_active_variant(plan.key, user, request, log_hit=False)
        with_hit = recording.get_active_variant(plan.key, user, request)
        _must_agree(person, plan.variant(person), button.variant(*app_pair), without, with_hit)
    return {
        BY_HAND: _ifs_of_one(button, app_pairs, turns),
        CHECK: _checks_of(client, pairs, turns),
        RECORDED: _recorded_checks_of(recording, pairs, turns),
        APP_OBJECTS: _ifs_of_new_users(button, case.people, turns),
        OUR_OBJECTS: _checks_of_new_users(client, case.people, turns),
    }


def _ifs_of_one(button: GreenButton, pairs: AppPairs, turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for user, request in pairs:
                button.variant(user, request)

    return Way(way, turns * len(pairs))


def _checks_of(client: Client, pairs: Pairs, turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for user, request in pairs:
                client.get_active_variant("green_button", user, request, log_hit=False)

    return Way(way, turns * len(pairs))


def _recorded_checks_of(client: Client, pairs: Pairs, turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for user, request in pairs:
                client.get_active_variant("green_button", user, request)

    return Way(way, turns * len(pairs))


def _ifs_of_new_users(button: GreenButton, people: Sequence[Visitor], turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for person in people:
                user = AppUser(person.id, person.split_group, person.profile)
                button.variant(user, AppRequest(person.request))

    return Way(way, turns * len(people))


def _checks_of_new_users(client: Client, people: Sequence[Visitor], turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for person in people:
                user = User(person.id, person.split_group, person.profile)
                request = Environment(attributes=person.request)
                client.get_active_variant("green_button", user, request, log_hit=False)

    return Way(way, turns * len(people))


def whole_requests(many: Sequence[Plan], case: Case, calls: int) -> dict[str, Way]:
    """The ways of deciding all tests for a user, agreed on every user's answers."""
    most = [*many, *(plan for plan in plans(MOST) if plan.key not in {mine.key for mine in many})]
    of_many = Client.from_documents([plan.document() for plan in many])
    of_most = Client.from_documents([plan.document() for plan in most])
    scattered, tight, all_ifs = ifs(many), tight_ifs(many), ifs(most)
    pairs, app_pairs = case.pairs(), case.app_pairs()
    for person, (user, request), app_pair in zip(case.people, pairs, app_pairs, strict=True):
        right = {plan.key: variant for plan in many if (variant := plan.variant(person)) is not None}
        ours = of_many.active_variants(user, request)
        _must_agree(person, right, scattered(*app_pair), tight(*app_pair), ours)
        _must_agree(person, all_ifs(*app_pair), of_most.active_variants(user, request))
    turns = case.turns(calls)
    return {
        IFS: _calls_of(scattered, app_pairs, turns),
        TIGHT: _calls_of(tight, app_pairs, turns),
        NEW_IFS: _calls_of_new_users(scattered, case.people, turns),
        ALL_OF_MANY: _active_variants_of(of_many, pairs, turns),
        NEW_ALL: _active_variants_of_new_users(of_many, case.people, turns),
        ALL_OF_MOST: _active_variants_of(of_most, pairs, turns),
    }


def _calls_of(by_hand: AllByHand, pairs: AppPairs, turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for user, request in pairs:
                by_hand(user, request)

    return Way(way, turns * len(pairs))


def _calls_of_new_users(by_hand: AllByHand, people: Sequence[Visitor], turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for person in people:
                user = AppUser(person.id, person.split_group, person.profile)
                by_hand(user, AppRequest(person.request))

    return Way(way, turns * len(people))


def _active_variants_of_new_users(client: Client, people: Sequence[Visitor], turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for person in people:
                user = User(person.id, person.split_group, person.profile)
                client.active_variants(user, Environment(attributes=person.request))

    return Way(way, turns * len(people))


def _active_variants_of(client: Client, pairs: Pairs, turns: int) -> Way:
    def way() -> None:
        for _ in range(turns):
            for user, request in pairs:
                client.active_variants(user, request)

    return Way(way, turns * len(pairs))


def _must_agree(person: Visitor, right: object, *answers: object) -> None:
    for answer in answers:
        if answer != right:
            raise SystemExit(f"{person}: {answer} instead of {right}; nothing was timed")
