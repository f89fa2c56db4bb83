"""Eppo's server SDK (its core is Rust) with a configuration handed over at start; it asks no server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

import eppo_client

from bench.peers.driver import Call, one_by_one
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "Eppo"
SHARDS = 10_000


class Silent(eppo_client.AssignmentLogger):  # type: ignore[misc]
    """Logs nothing, as our check with ``log_hit=False``."""

    def log_assignment(self, event: dict[str, object]) -> None:
        """Nothing."""


class Eppo:
    """``get_string_assignment``; there is no call for all flags."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.tests = tests
        flags = {
            "createdAt": "2026-11-01T00:00:00.000Z",
            "format": "SERVER",
            "environment": {"name": "Test"},
            "flags": {plan.key: _flag(plan) for plan in tests},
        }
        configuration = eppo_client.Configuration(flags_configuration=json.dumps(flags).encode())
        self.client = eppo_client.init(
            eppo_client.ClientConfig(
                api_key="none",
                base_url="http://127.0.0.1:9",
                assignment_logger=Silent(),
                poll_interval_seconds=None,
                initial_configuration=configuration,
            )
        )

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self.client.get_string_assignment, plan.key, person.id, _attributes(person), "")

    def request(self, person: Visitor) -> Call:
        return one_by_one([(plan.key, self.check(plan, person)) for plan in self.tests])

    def variant(self, answer: object) -> str | None:
        return str(answer) or None

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: name for key, name in answer.items() if name}


def _attributes(person: Visitor) -> dict[str, object]:
    # A text, not a number: its ONE_OF compares texts, and would make one of the number on every call.
    return {**person.profile, **person.request, "country_id": str(person.country_id)}


def _flag(plan: Plan) -> dict[str, object]:
    half = SHARDS * plan.percent // 200
    countries = {
        "attribute": "country_id", "operator": "ONE_OF", "value": [str(country) for country in plan.countries],
    }  # fmt: skip
    platform = {"attribute": "platform", "operator": "ONE_OF", "value": [plan.platform]}
    tester = {"attribute": "is_test_user", "operator": "ONE_OF", "value": ["true"]}
    return {
        "key": plan.key,
        "enabled": True,
        "variationType": "STRING",
        "variations": {name: {"key": name, "value": name} for name in (CONTROL, GREEN)},
        "totalShards": SHARDS,
        "allocations": [
            {
                "key": "split",
                "rules": [{"conditions": [countries, platform]}, {"conditions": [tester]}],
                "splits": [
                    {
                        "variationKey": name,
                        "shards": [{"salt": plan.key, "ranges": [{"start": start, "end": start + half}]}],
                    }
                    for name, start in ((CONTROL, 0), (GREEN, half))
                ],
                "doLog": False,
            }
        ],
    }


def make(tests: Sequence[Plan]) -> Eppo:
    return Eppo(tests)
