"""PlanOut: one experiment class per test, its targeting written in the class."""

from __future__ import annotations

import collections
import collections.abc
from collections.abc import Mapping, Sequence
from typing import Any

# It has not been released since Python 3.10 took this name away.
collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]

from planout.experiment import SimpleExperiment  # noqa: E402
from planout.ops.random import WeightedChoice  # noqa: E402

from bench.peers.driver import Call, one_by_one  # noqa: E402
from bench.workload import CONTROL, GREEN, Plan, Visitor  # noqa: E402

TITLE = "PlanOut"


class Silent(SimpleExperiment):  # type: ignore[misc]
    """Logs nothing, as our check with ``log_hit=False``, and computes no checksum of its source, meant for logs."""

    plan: Plan

    def setup(self) -> None:
        self.name = self.salt = self.plan.key
        self.set_auto_exposure_logging(False)

    def configure_logger(self) -> None:
        """None."""

    def checksum(self) -> None:
        """None."""

    def assign(self, params: Any, unit: str, profile: dict[str, object], request: dict[str, object]) -> None:
        plan = self.plan
        if (profile["country_id"] in plan.countries and request["platform"] == plan.platform) or profile[
            "is_test_user"
        ]:
            half = plan.percent / 200
            params.variant = WeightedChoice(
                choices=[CONTROL, GREEN, ""], weights=[half, half, 1 - 2 * half], unit=unit
            )


class PlanOut:
    """An experiment object per decision, and its parameter."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.tests = tests
        self.experiments: dict[str, Any] = {
            plan.key: type(plan.key, (Silent,), {"plan": plan}) for plan in tests
        }

    def check(self, plan: Plan, person: Visitor) -> Call:
        experiment = self.experiments[plan.key]

        def check() -> object:
            return experiment(unit=person.id, profile=person.profile, request=person.request).get("variant")

        return check

    def request(self, person: Visitor) -> Call:
        return one_by_one([(plan.key, self.check(plan, person)) for plan in self.tests])

    def variant(self, answer: object) -> str | None:
        return str(answer) if answer else None

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: name for key, name in answer.items() if name}


def make(tests: Sequence[Plan]) -> PlanOut:
    return PlanOut(tests)
