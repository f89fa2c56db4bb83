"""PostHog's SDK evaluating locally, the definitions handed over; no events, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from posthog import Posthog

from bench.peers.driver import Call
from bench.workload import CONTROL, GREEN, Plan, Visitor

TITLE = "PostHog"


class Peer:
    """``get_all_flags``, for the single check of one key: nothing in it logs, and nothing in it is deprecated."""

    def __init__(self, tests: Sequence[Plan]) -> None:
        self.client = Posthog("none", host="http://127.0.0.1:9", send=False, enable_local_evaluation=False)
        self.client.feature_flags = [_flag(number, plan) for number, plan in enumerate(tests)]

    def check(self, plan: Plan, person: Visitor) -> Call:
        return partial(self.request(person), flag_keys_to_evaluate=[plan.key])

    def request(self, person: Visitor) -> partial[object]:
        properties = {**person.profile, **person.request}
        return partial(
            self.client.get_all_flags, person.id, person_properties=properties, only_evaluate_locally=True
        )

    def variant(self, answer: object) -> str | None:
        return next(iter(self.variants(answer).values()), None)

    def variants(self, answer: object) -> Mapping[str, str]:
        assert isinstance(answer, dict)
        return {key: name for key, name in answer.items() if name}


def _flag(number: int, plan: Plan) -> dict[str, object]:
    def group(wanted: Mapping[str, object]) -> dict[str, object]:
        properties = [
            {"key": name, "value": value, "operator": "exact", "type": "person"}
            for name, value in wanted.items()
        ]
        return {"properties": properties, "rollout_percentage": plan.percent, "variant": None}

    return {
        "id": number + 1,
        "key": plan.key,
        "active": True,
        "filters": {
            "groups": [
                group({"country_id": list(plan.countries), "platform": plan.platform}),
                group({"is_test_user": True}),
            ],
            "multivariate": {
                "variants": [{"key": name, "rollout_percentage": 50} for name in (CONTROL, GREEN)]
            },
        },
    }


def make(tests: Sequence[Plan]) -> Peer:
    return Peer(tests)
