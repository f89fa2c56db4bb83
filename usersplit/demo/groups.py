"""The demo company's user groups."""

from __future__ import annotations

from experiments.lifecycle import Verb
from experiments.models import Kind
from usersplit.demo.countries import FRANCE, GERMANY, ITALY, SPAIN, UNITED_KINGDOM, UNITED_STATES
from usersplit.demo.telling import Story, equals, life, one_of

GROUPS: tuple[Story, ...] = (
    Story(
        "christmas_guests",
        {"name": "Sees the Christmas shop", "area": "payments"},
        life(
            "mia",
            {
                "conditions": [
                    one_of("country_id", GERMANY, FRANCE, ITALY, SPAIN, UNITED_KINGDOM, UNITED_STATES)
                ]
            },
            (6, Verb.PUBLISH),
            (5, Verb.START),
            created=7,
        ),
        kind=Kind.GROUP,
    ),
    Story(
        "power_users",
        {"name": "Paying for more than a year", "area": "profile"},
        life(
            "mia",
            {
                "conditions": [
                    equals("is_paying", True),
                    "AND",
                    {"filter": "registered_at", "operator": "older_than_days", "value": 365},
                ]
            },
            (2, Verb.PUBLISH),
            created=3,
        ),
        kind=Kind.GROUP,
    ),
)
