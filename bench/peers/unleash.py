"""Unleash's client (its core is Rust) with toggles handed over at start; it asks no server."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial

from UnleashClient import UnleashClient
from UnleashClient.cache import FileCache

from bench.peers.driver import Call, one_by_one
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "Unleash"


class Peer:
    """``get_variant``; there is no call for all toggles."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.tests = tests
        self.folder = tempfile.TemporaryDirectory()
        cache = FileCache("bench", directory=self.folder.name)
        cache.bootstrap_from_dict({"version": 2, "features": [_toggle(plan) for plan in tests]})
        self.client = UnleashClient(
            "http://127.0.0.1:9",
            "bench",
            cache=cache,
            disable_metrics=True,
            disable_registration=True,
            multiple_instance_mode=True,
        )
        self.client.initialize_client(fetch_toggles=False)

    def check(self, plan: Plan, person: Visitor) -> Call:
        properties = {name: str(value) for name, value in {**person.profile, **person.request}.items()}
        context = {"userId": person.id, "properties": properties}
        return partial(self.client.get_variant, plan.key, context)

    def request(self, person: Visitor) -> Call:
        return one_by_one([(plan.key, self.check(plan, person)) for plan in self.tests])

    def variant(self, answer: object) -> str | None:
        assert isinstance(answer, dict)
        return str(answer["name"]) if answer["enabled"] else None

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: each["name"] for key, each in answer.items() if each["enabled"]}


def _toggle(plan: Plan) -> dict[str, object]:
    def strategy(wanted: Mapping[str, Sequence[str]]) -> dict[str, object]:
        return {
            "name": "flexibleRollout",
            "parameters": {"rollout": str(plan.percent), "stickiness": "userId", "groupId": plan.key},
            "constraints": [
                {"contextName": name, "operator": "IN", "values": list(values)}
                for name, values in wanted.items()
            ],
            "variants": [
                {"name": name, "weight": 500, "stickiness": "userId", "weightType": "variable"}
                for name in (CONTROL, GREEN)
            ],
        }

    countries = [str(country) for country in plan.countries]
    return {
        "name": plan.key,
        "type": "experiment",
        "enabled": True,
        "strategies": [
            strategy({"country_id": countries, "platform": [plan.platform]}),
            strategy({"is_test_user": ["True"]}),
        ],
    }


def make(tests: Sequence[Plan]) -> Peer:
    return Peer(tests)
