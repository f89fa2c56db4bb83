"""The tests and the users that every part of the benchmark decides for; the same in every process, from fixed seeds.

Standard library only, nothing of ours: the peers' environments have neither Django nor the SDK.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SPLIT_GROUPS = 2400
COUNTRIES = 200
COUNTRIES_OF_A_TEST = 5
PLATFORMS = ("web", "ios", "android")
CONTROL, GREEN = "control", "green"
REST_OF_PROFILE = {
    "is_new_user": False,
    "is_paying": True,
    "age": 34,
    "gender": "female",
    "language": "de",
    "registered_at": "2026-03-14",
    "app_version": "7.12.1",
}
REST_OF_REQUEST = {
    "country_code": "DE",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "client_language": "de-AT",
    "client_version": "7.12.1",
}
"""With the three that the tests ask for: all filters of a new installation's catalogue."""
NOT_OWNED = (None, CONTROL, GREEN)
"""A plan's ``owners`` holds indexes into this."""


@dataclass(frozen=True)
class Plan:
    """One test: ``(country in 5 of 200 and platform = X) or test user``, and who owns which split group."""

    key: str
    countries: tuple[int, ...]
    platform: str
    percent: int
    owners: bytes

    def matches(self, visitor: Visitor) -> bool:
        """Are the conditions met? For checking answers, not for timing."""
        return (
            visitor.country_id in self.countries and visitor.platform == self.platform
        ) or visitor.is_test_user

    def variant(self, visitor: Visitor) -> str | None:
        """The right answer by split groups. For checking answers, not for timing."""
        return NOT_OWNED[self.owners[visitor.split_group]] if self.matches(visitor) else None

    def document(self) -> dict[str, object]:
        """The test file, format 1."""
        user = {"source": "user"}
        return {
            "format": 1,
            "kind": "test",
            "key": self.key,
            "status": "running",
            "side": "server",
            "settings_group": 1,
            "starts_at": None,
            "ends_at": None,
            "conditions": [
                [
                    {"filter": "country_id", **user, "operator": "in", "value": list(self.countries)},
                    "AND",
                    {"filter": "platform", "source": "environment", "operator": "eq", "value": self.platform},
                ],
                "OR",
                {"filter": "is_test_user", **user, "operator": "eq", "value": True},
            ],
            "control": CONTROL,
            "variants": [
                {"name": name, "split_groups": list(_ranges(self.owners, number))}
                for number, name in enumerate((CONTROL, GREEN), start=1)
            ],
            "forced": [],
            "outcome": None,
            "tokens": {},
        }


@dataclass(frozen=True)
class Visitor:
    """A user and the request, as values."""

    id: str
    split_group: int
    country_id: int
    platform: str
    is_test_user: bool
    profile: dict[str, object] = field(compare=False)
    request: dict[str, object] = field(compare=False)


def one_plan() -> Plan:
    """The test of the single check: 40 % see the control, 40 % the other, the rest neither."""
    owners = bytes([0]) + bytes([1]) * 960 + bytes([2]) * 960 + bytes([0]) * 480
    return Plan("green_button", (3, 50, 77, 120, 181), "web", 80, owners)


def plans(count: int, percent: int = 10, seed: int = 11) -> list[Plan]:
    """That many tests, each with ``percent`` of the split groups, drawn at random, half of them its control's."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
    made = []
    for number in range(count):
        owners = bytearray(SPLIT_GROUPS + 1)
        groups = draw.sample(range(1, SPLIT_GROUPS + 1), SPLIT_GROUPS * percent // 100)
        for place, group in enumerate(groups):
            owners[group] = 1 if place < len(groups) // 2 else 2
        countries = tuple(sorted(draw.sample(range(1, COUNTRIES + 1), COUNTRIES_OF_A_TEST)))
        made.append(Plan(f"test_{number}", countries, draw.choice(PLATFORMS), percent, bytes(owners)))
    return made


def visitors(count: int, likely: Sequence[int], seed: int = 5, test_users: float = 0.02) -> list[Visitor]:
    """Users from all countries, every second one from the ``likely``, on all platforms; this share are test users."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
    made = []
    for number in range(count):
        country = draw.choice(likely) if number % 2 else draw.randint(1, COUNTRIES)
        made.append(
            visitor(
                f"user-{number}",
                draw.randint(1, SPLIT_GROUPS),
                country,
                draw.choice(PLATFORMS),
                is_test_user=draw.random() < test_users,
            )
        )
    return made


def visitor(
    name: str, split_group: int, country_id: int, platform: str, *, is_test_user: bool, whole: bool = False
) -> Visitor:
    """One user, the values also as the two dicts that applications hold: just what the tests ask for, or ``whole``."""
    return Visitor(
        name,
        split_group,
        country_id,
        platform,
        is_test_user,
        profile={
            "country_id": country_id,
            "is_test_user": is_test_user,
            **(REST_OF_PROFILE if whole else {}),
        },
        request={"platform": platform, **(REST_OF_REQUEST if whole else {})},
    )


def hot_for_one(plan: Plan) -> Visitor:
    """The one user of the single check who has to pass everything: country, platform, split group."""
    return visitor("user-hot", 1300, plan.countries[1], plan.platform, is_test_user=False)


def tester_for_many(tests: Sequence[Plan], crowd: Sequence[Visitor]) -> Visitor:
    """The test user: meets the conditions of all tests, and sees those that own the split group."""
    model = hot_for_many(tests, crowd)
    return visitor("user-tester", model.split_group, model.country_id, model.platform, is_test_user=True)


def hot_for_many(tests: Sequence[Plan], crowd: Sequence[Visitor]) -> Visitor:
    """Of a crowd, the user who is no test user and sees the most of these tests."""
    return max(
        (person for person in crowd if not person.is_test_user),
        key=lambda person: sum(plan.variant(person) is not None for plan in tests),
    )


def _ranges(owners: bytes, number: int) -> Iterator[list[int]]:
    first = None
    for group in range(1, SPLIT_GROUPS + 2):
        mine = group <= SPLIT_GROUPS and owners[group] == number
        if mine and first is None:
            first = group
        elif not mine and first is not None:
            yield [first, group - 1]
            first = None
