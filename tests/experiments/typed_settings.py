"""What somebody types into the settings editor, for tests to change."""

from __future__ import annotations

from typing import Any


def typed_settings(**changed: Any) -> dict[str, Any]:
    """The fields of the form, with these in place of its own."""
    typed = {
        "based_on": "0",
        "conditions_as": "rows",
        "c.0.filter": "is_test_user",
        "c.0.operator": "eq",
        "c.0.value": "true",
        "c.1.bracket": "1",
        "c.1.joint": "OR",
        "c.1.0.filter": "country_id",
        "c.1.0.operator": "in",
        "c.1.0.value": ["40", "276"],
        "c.1.1.joint": "AND",
        "c.1.1.filter": "is_new_user",
        "c.1.1.operator": "eq",
        "c.1.1.value": "true",
        "v.0.name": "control",
        "v.0.percent": "5",
        "v.1.name": "green",
        "v.1.percent": "5",
        "v.1.payload": '{"color": "#0a0"}',
        "control": "0",
        "split_by": "each",
        "draw": "fewest_shared_users",
        "starts_at": "2026-12-01T09:00",
        "message": "First try",
    }
    return typed | changed
