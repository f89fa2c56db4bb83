"""Flagsmith's engine: segments with overrides, all features of one context in one call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flag_engine.engine import get_evaluation_result

from bench.peers.driver import Call
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "flag-engine (Flagsmith)"


class FlagEngine:
    """``get_evaluation_result`` for everything; a context with one feature is its single check."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.features = {plan.key: _feature(plan, []) for plan in tests}
        self.segments = {f"segment_{plan.key}": _segment(plan) for plan in tests}

    def request(self, person: Visitor) -> Call:
        context: dict[str, Any] = {
            "environment": {"key": "production", "name": "production"},
            "identity": {
                "identifier": person.id,
                "key": f"production_{person.id}",
                "traits": {**person.profile, **person.request, "country_id": str(person.country_id)},
            },
            "features": self.features,
            "segments": self.segments,
        }
        return partial(get_evaluation_result, context)

    def check(self, plan: Plan, person: Visitor) -> Call:
        assert list(self.features) == [plan.key]
        return self.request(person)

    def variant(self, answer: object) -> str | None:
        return next(iter(self.variants(answer).values()), None)

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: flag["value"] for key, flag in answer["flags"].items() if flag["value"] is not None}


def _feature(plan: Plan, variants: list[dict[str, object]]) -> dict[str, object]:
    return {"key": plan.key, "name": plan.key, "enabled": True, "value": None, "variants": variants}


def _segment(plan: Plan) -> dict[str, object]:
    countries = json.dumps([str(country) for country in plan.countries])
    targeted = [
        {"property": "country_id", "operator": "IN", "value": countries},
        {"property": "platform", "operator": "EQUAL", "value": plan.platform},
    ]
    tester = {"property": "is_test_user", "operator": "EQUAL", "value": "true"}
    shares = [
        {"key": name, "value": name, "weight": plan.percent / 2, "priority": place}
        for place, name in enumerate((CONTROL, GREEN))
    ]
    return {
        "key": f"segment_{plan.key}",
        "name": f"segment_{plan.key}",
        "rules": [
            {
                "type": "ANY",
                "rules": [{"type": "ALL", "conditions": targeted}, {"type": "ALL", "conditions": [tester]}],
            }
        ],
        "overrides": [_feature(plan, shares)],
    }


def make(tests: Sequence[Plan]) -> FlagEngine:
    return FlagEngine(tests)
