"""LaunchDarkly's server SDK with flags from a file; no events, no network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from ldclient import Context, LDClient
from ldclient.config import Config
from ldclient.integrations import Files

from bench.peers.driver import Call
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "LaunchDarkly"
WHOLE = 100_000


class LaunchDarkly:
    """``variation`` for one flag, ``all_flags_state`` for all."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "flags.json"
            path.write_text(json.dumps({"flags": {plan.key: _flag(plan) for plan in tests}}))
            source = Files.new_data_source(paths=[str(path)], auto_update=False)
            config = Config("none", update_processor_class=source, send_events=False, diagnostic_opt_out=True)
            self.client = LDClient(config=config)
            assert self.client.is_initialized()

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self.client.variation, plan.key, _context(person), "")

    def request(self, person: Visitor) -> Call:
        return partial(self.client.all_flags_state, _context(person))

    def variant(self, answer: object) -> str | None:
        return str(answer) or None

    def variants(self, answer: object) -> Mapping[str, str]:
        values: dict[str, str] = answer.to_values_map()  # type: ignore[attr-defined]
        return {key: name for key, name in values.items() if name}


def _context(person: Visitor) -> Context:
    made = Context.builder(person.id)
    for name, value in {**person.profile, **person.request}.items():
        made.set(name, value)
    return made.build()


def _flag(plan: Plan) -> dict[str, object]:
    half = WHOLE * plan.percent // 200
    weights = [{"variation": 0, "weight": half}, {"variation": 1, "weight": half}]
    if plan.percent < 100:
        weights.append({"variation": 2, "weight": WHOLE - 2 * half})

    def rule(name: str, wanted: Mapping[str, list[object]]) -> dict[str, object]:
        clauses = [
            {"contextKind": "user", "attribute": attribute, "op": "in", "values": values, "negate": False}
            for attribute, values in wanted.items()
        ]
        return {"id": name, "clauses": clauses, "rollout": {"contextKind": "user", "variations": weights}}

    return {
        "key": plan.key,
        "version": 1,
        "on": True,
        "salt": plan.key,
        "variations": [CONTROL, GREEN, ""],
        "offVariation": 2,
        "fallthrough": {"variation": 2},
        "prerequisites": [],
        "targets": [],
        "rules": [
            rule("targeted", {"country_id": list(plan.countries), "platform": [plan.platform]}),
            rule("testers", {"is_test_user": [True]}),
        ],
    }


def make(tests: Sequence[Plan]) -> LaunchDarkly:
    return LaunchDarkly(tests)
