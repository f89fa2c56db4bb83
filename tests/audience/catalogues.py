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
