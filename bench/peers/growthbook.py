"""GrowthBook's Python SDK with features handed over; experiments as feature rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from growthbook import GrowthBook

from bench.peers.driver import Call
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "GrowthBook"


class Peer:
    """``get_feature_value`` of one instance, each user's attributes set first; there is no call for all features."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.tests = tests
        self.book = GrowthBook(features={plan.key: _feature(plan) for plan in tests})

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self._check, plan.key, _attributes(person))

    def _check(self, key: str, attributes: dict[str, object]) -> str | None:
        book = self.book
        book.set_attributes(attributes)
        answer: str | None = book.get_feature_value(key, None)
        return answer

    def request(self, person: Visitor) -> Call:
        keys, attributes, book = [plan.key for plan in self.tests], _attributes(person), self.book

        def request() -> dict[str, object]:
            book.set_attributes(attributes)
            return {key: book.get_feature_value(key, None) for key in keys}

        return request

    def variant(self, answer: object) -> str | None:
        return answer if isinstance(answer, str) else None

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: name for key, name in answer.items() if name is not None}


def _attributes(person: Visitor) -> dict[str, object]:
    return {"id": person.id, **person.profile, **person.request}


def _feature(plan: Plan) -> dict[str, object]:
    targeted = {"country_id": {"$in": list(plan.countries)}, "platform": plan.platform}
    return {
        "defaultValue": None,
        "rules": [
            {
                "key": plan.key,
                "condition": {"$or": [targeted, {"is_test_user": True}]},
                "variations": [CONTROL, GREEN],
                "weights": [0.5, 0.5],
                "coverage": plan.percent / 100,
                "hashVersion": 2,
            }
        ],
    }


def make(tests: Sequence[Plan]) -> Peer:
    return Peer(tests)
