"""Catalogues for tests that need no database."""

from __future__ import annotations

from audience.default_filters import default_filters
from audience.specs import Catalogue, Choice, FilterSpec

DEFAULT: Catalogue = {
    row["name"]: FilterSpec(
        row["name"],
        row["label"],
        row["type"],
        row["source"],
        choices=tuple(Choice(choice["value"], choice["label"]) for choice in row["choices"]),
        column=row["column"],
    )
    for row in default_filters()
}
WIDER: Catalogue = {
    **DEFAULT,
    "tags": FilterSpec("tags", "Tags", "list", column="tags"),
    "score": FilterSpec("score", "Score", "number", column="score"),
    "old_one": FilterSpec("old_one", "Old one", "integer", archived=True),
}
PLAYERS: Catalogue = {
    "gate": FilterSpec("gate", "Gate", "string", column="version"),
    "sum_gamerounds": FilterSpec("sum_gamerounds", "Rounds", "integer", column="sum_gamerounds"),
    "retention_1": FilterSpec("retention_1", "Back after a day", "boolean", column="retention_1"),
    "retention_7": FilterSpec("retention_7", "Back after a week", "boolean", column="retention_7"),
}
VISITS: Catalogue = {
    "timestamp": FilterSpec("timestamp", "Visited", "date", column="visited_at"),
    "group": FilterSpec("group", "Group", "string", column="visit_group"),
    "landing_page": FilterSpec("landing_page", "Page", "string", column="landing_page"),
    "converted": FilterSpec("converted", "Converted", "boolean", column="converted"),
}
CATALOGUES = {"default": DEFAULT, "players": PLAYERS, "visits": VISITS}
