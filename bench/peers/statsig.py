"""Statsig's server SDK (its core is Rust) with its specs from a data store; no network, no events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from statsig_python_core import (
    DataStore,
    DataStoreResponse,
    ExperimentEvaluationOptions,
    Statsig,
    StatsigOptions,
    StatsigUser,
)

from bench.peers.driver import Call, one_by_one
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "Statsig"
BUCKETS = 1000
QUIET = ExperimentEvaluationOptions(disable_exposure_logging=True)


class Store(DataStore):  # type: ignore[misc]
    """Hands the specs over."""

    specs = ""

    def get(self, key: str) -> DataStoreResponse:
        return DataStoreResponse(result=self.specs, time=1)


class Peer:
    """``get_experiment``, exposures switched off."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.tests = tests
        store = Store()
        store.specs = json.dumps(_specs(tests))
        options = StatsigOptions(
            data_store=store,
            disable_network=True,
            disable_all_logging=True,
            disable_country_lookup=True,
            output_log_level="none",
        )
        self.client = Statsig("secret-none", options)
        self.client.initialize().wait()

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self.client.get_experiment, _user(person), plan.key, QUIET)

    def request(self, person: Visitor) -> Call:
        return one_by_one([(plan.key, self.check(plan, person)) for plan in self.tests])

    def variant(self, answer: object) -> str | None:
        name = answer.value.get("variant")  # type: ignore[attr-defined]
        return None if name is None else str(name)

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: name for key, each in answer.items() if (name := self.variant(each)) is not None}


def _user(person: Visitor) -> StatsigUser:
    custom = {name: str(value).lower() for name, value in {**person.profile, **person.request}.items()}
    return StatsigUser(person.id, custom=custom)


def _specs(tests: Sequence[Plan]) -> dict[str, object]:
    conditions: dict[str, dict[str, object]] = {}

    def condition(
        kind: str, operator: str | None, target: object, field: str | None = None, **more: str
    ) -> str:
        name = f"condition_{len(conditions)}"
        conditions[name] = {
            "type": kind, "targetValue": target, "operator": operator, "field": field,
            "additionalValues": more, "idType": "userID",
        }  # fmt: skip
        return name

    def rule(name: str, value: object, *names: str) -> dict[str, object]:
        return {
            "name": name, "id": name, "groupName": name, "salt": name, "passPercentage": 100,
            "conditions": list(names), "returnValue": value, "idType": "userID",
        }  # fmt: skip

    def spec(
        key: str, entity: str, kind: str, default: object, rules: list[dict[str, object]]
    ) -> dict[str, object]:
        return {
            "name": key, "type": kind, "salt": key, "enabled": True, "defaultValue": default, "rules": rules,
            "idType": "userID", "entity": entity, "isActive": True, "version": 1,
        }  # fmt: skip

    gates, experiments = {}, {}
    for plan in tests:
        countries = condition("user_field", "any", [str(country) for country in plan.countries], "country_id")
        platform = condition("user_field", "any", [plan.platform], "platform")
        tester = condition("user_field", "any", ["true"], "is_test_user")
        gate = f"gate_{plan.key}"
        gates[gate] = spec(gate, "feature_gate", "feature_gate", False,
                           [rule("targeted", True, countries, platform), rule("testers", True, tester)])  # fmt: skip
        outside = condition("fail_gate", None, gate)
        unallocated = condition("user_bucket", "gte", BUCKETS * plan.percent // 100, salt=f"{plan.key}.all")
        first = condition("user_bucket", "lt", BUCKETS // 2, salt=plan.key)
        second = condition("user_bucket", "lt", BUCKETS, salt=plan.key)
        experiments[plan.key] = spec(
            plan.key, "experiment", "dynamic_config", {},
            [rule("targetingGate", {}, outside), rule("layerAssignment", {}, unallocated),
             rule(CONTROL, {"variant": CONTROL}, first), rule(GREEN, {"variant": GREEN}, second)],
        )  # fmt: skip
    return {
        "has_updates": True,
        "time": 1,
        "feature_gates": gates,
        "dynamic_configs": experiments,
        "layer_configs": {},
        "layers": {},
        "experiment_to_layer": {},
        "condition_map": conditions,
    }


def make(tests: Sequence[Plan]) -> Peer:
    return Peer(tests)
