"""One decision of the SDK against a hand-written `if` behind a method."""

from __future__ import annotations

from bench.measuring import interleaved, table
from usersplit_sdk import Client, Environment, User

CALLS = 2_000
COUNTRIES = list(range(1, 101))
TEST = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 1,
    "starts_at": None,
    "ends_at": None,
    "conditions": [
        [
            {"filter": "country_id", "source": "user", "operator": "in", "value": COUNTRIES},
            "AND",
            {"filter": "platform", "source": "environment", "operator": "eq", "value": "web"},
        ],
        "OR",
        {"filter": "is_test_user", "source": "user", "operator": "eq", "value": True},
    ],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "green", "split_groups": [[1201, 2400]]},
    ],
    "forced": [],
    "outcome": None,
}


class ByHand:
    """What a developer would write without us."""

    countries = frozenset(COUNTRIES)

    def variant(self, user: User, request: Environment) -> str | None:
        attributes = user.attributes
        if (
            attributes.get("country_id") in self.countries and request.attributes.get("platform") == "web"
        ) or attributes.get("is_test_user") is True:
            return "control" if (user.split_group or 0) <= 1200 else "green"
        return None


def run() -> str:
    """The table, as text."""
    client, by_hand = Client.from_documents([TEST], []), ByHand()
    user = User(id="123", split_group=1300, attributes={"country_id": 50, "is_test_user": False})
    request = Environment(attributes={"platform": "web"})
    assert client.get_active_variant("green_button", user, request, log_hit=False) == by_hand.variant(
        user, request
    )

    def ours() -> None:
        for _ in range(CALLS):
            client.get_active_variant("green_button", user, request, log_hit=False)

    def theirs() -> None:
        for _ in range(CALLS):
            by_hand.variant(user, request)

    rows = interleaved({"an if by hand": theirs, "get_active_variant": ours}, rounds=15)
    return table(
        "One decision (country in 100 and platform, or test user)",
        {name: seconds / CALLS for name, seconds in rows.items()},
        "an if by hand",
    )
