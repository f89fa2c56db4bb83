"""Split's SDK in its localhost mode, with definitions from a file."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from splitio import get_factory

from bench.peers.driver import Call
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "Split"
NONE = "off"


class Peer:
    """``get_treatment`` and ``get_treatments``."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.keys = [plan.key for plan in tests]
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "splits.json"
        path.write_text(json.dumps({"ff": {"d": [_definition(plan) for plan in tests], "s": -1, "t": 1},
                                    "rbs": {"d": [], "s": -1, "t": 1}}))  # fmt: skip
        factory = get_factory("localhost", config={"splitFile": str(path), "impressionsMode": "NONE"})
        factory.block_until_ready(5)
        self.client = factory.client()

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self.client.get_treatment, person.id, plan.key, _attributes(person))

    def request(self, person: Visitor) -> Call:
        return partial(self.client.get_treatments, person.id, self.keys, _attributes(person))

    def variant(self, answer: object) -> str | None:
        assert answer in {"ours", GREEN, NONE}, answer
        return None if answer == NONE else CONTROL if answer == "ours" else GREEN

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        found = {key: self.variant(name) for key, name in answer.items()}
        return {key: name for key, name in found.items() if name is not None}


def _attributes(person: Visitor) -> dict[str, object]:
    return {**person.profile, **person.request, "country_id": str(person.country_id)}


def _definition(plan: Plan) -> dict[str, object]:
    # "control" means "something went wrong" in Split's own words, so the control has another name here.
    half = plan.percent // 2
    partitions = [
        {"treatment": "ours", "size": half},
        {"treatment": GREEN, "size": half},
        {"treatment": NONE, "size": 100 - 2 * half},
    ]

    def matcher(name: str, kind: str, data: Mapping[str, object]) -> dict[str, object]:
        return {
            "keySelector": {"trafficType": "user", "attribute": name},
            "matcherType": kind,
            "negate": False,
            "userDefinedSegmentMatcherData": None,
            "whitelistMatcherData": None,
            **data,
        }

    def condition(label: str, *matchers: dict[str, object]) -> dict[str, object]:
        return {
            "conditionType": "ROLLOUT",
            "label": label,
            "matcherGroup": {"combiner": "AND", "matchers": list(matchers)},
            "partitions": partitions,
        }

    def one_of(name: str, values: Sequence[str]) -> dict[str, object]:
        return matcher(name, "WHITELIST", {"whitelistMatcherData": {"whitelist": list(values)}})

    countries = [str(country) for country in plan.countries]
    return {
        "name": plan.key,
        "trafficTypeName": "user",
        "changeNumber": 1,
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": NONE,
        "algo": 2,
        "seed": zlib.crc32(plan.key.encode()) % 2**31,
        "trafficAllocation": 100,
        "trafficAllocationSeed": 1,
        "configurations": {},
        "sets": [],
        "conditions": [
            condition("targeted", one_of("country_id", countries), one_of("platform", [plan.platform])),
            condition("testers", matcher("is_test_user", "EQUAL_TO_BOOLEAN", {"booleanMatcherData": True})),
        ],
    }


def make(tests: Sequence[Plan]) -> Peer:
    return Peer(tests)
