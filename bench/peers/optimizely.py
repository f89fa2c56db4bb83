"""Optimizely's SDK with a datafile handed over; no events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from optimizely.decision.optimizely_decide_option import OptimizelyDecideOption
from optimizely.optimizely import Optimizely

from bench.peers.driver import Call
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "Optimizely"
BUCKETS = 10_000
ATTRIBUTES = ("country_id", "platform", "is_test_user")
OPTIONS = [OptimizelyDecideOption.DISABLE_DECISION_EVENT, OptimizelyDecideOption.EXCLUDE_VARIABLES]


class Peer:
    """``decide`` and ``decide_all`` of a user context."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.client = Optimizely(datafile=json.dumps(_datafile(tests)), skip_json_validation=True)
        assert self.client.is_valid

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self._context(person).decide, plan.key, OPTIONS)

    def request(self, person: Visitor) -> Call:
        return partial(self._context(person).decide_all, OPTIONS)

    def _context(self, person: Visitor) -> Any:
        return self.client.create_user_context(person.id, {**person.profile, **person.request})

    def variant(self, answer: object) -> str | None:
        name: str | None = answer.variation_key  # type: ignore[attr-defined]
        return name

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: decision.variation_key for key, decision in answer.items() if decision.variation_key}


def _datafile(tests: Sequence[Plan]) -> dict[str, object]:
    return {
        "version": "4",
        "projectId": "1",
        "accountId": "1",
        "revision": "1",
        "anonymizeIP": True,
        "botFiltering": False,
        "sendFlagDecisions": False,
        "attributes": [{"id": name, "key": name} for name in ATTRIBUTES],
        "events": [],
        "groups": [],
        "rollouts": [],
        "variables": [],
        "audiences": [],
        "typedAudiences": [_audience(plan) for plan in tests],
        "experiments": [_experiment(plan) for plan in tests],
        "featureFlags": [
            {"id": f"flag_{plan.key}", "key": plan.key, "rolloutId": "", "experimentIds": [plan.key], "variables": []}
            for plan in tests
        ],
    }  # fmt: skip


def _audience(plan: Plan) -> dict[str, object]:
    def exact(name: str, value: object) -> dict[str, object]:
        return {"type": "custom_attribute", "name": name, "match": "exact", "value": value}

    countries = ["or", *(exact("country_id", country) for country in plan.countries)]
    targeted = ["and", countries, exact("platform", plan.platform)]
    conditions = ["or", targeted, exact("is_test_user", True)]
    return {"id": f"audience_{plan.key}", "name": plan.key, "conditions": conditions}


def _experiment(plan: Plan) -> dict[str, object]:
    half = BUCKETS * plan.percent // 200
    return {
        "id": plan.key,
        "key": plan.key,
        "layerId": plan.key,
        "status": "Running",
        "audienceIds": [f"audience_{plan.key}"],
        "forcedVariations": {},
        "variations": [
            {"id": f"{plan.key}_{name}", "key": name, "featureEnabled": True, "variables": []}
            for name in (CONTROL, GREEN)
        ],
        "trafficAllocation": [
            {"entityId": f"{plan.key}_{CONTROL}", "endOfRange": half},
            {"entityId": f"{plan.key}_{GREEN}", "endOfRange": 2 * half},
        ],
    }


def make(tests: Sequence[Plan]) -> Peer:
    return Peer(tests)
