"""How hits and events lie in every engine: columns, order, and the select that makes them of what was sent.

`visitor` is whom a hit or an event is about: `u:` and a user id, else `d:` and a device id, else empty. `device` is the
device of somebody who has a user id as well. No text is ever missing; of the numbers only an event's value is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from analytics.models import Stream

USER: Final = "u:"
DEVICE: Final = "d:"
_VISITOR: Final = (
    "CASE WHEN COALESCE(user_id, '') <> '' THEN 'u:' || user_id"
    " WHEN COALESCE(device_id, '') <> '' THEN 'd:' || device_id ELSE '' END"
)
_DEVICE: Final = "CASE WHEN COALESCE(user_id, '') <> '' THEN COALESCE(device_id, '') ELSE '' END"


@dataclass(frozen=True, slots=True)
class Shape:
    """Of one stream. `columns`: name → (DuckDB's type, the expression over what was sent)."""

    columns: Mapping[str, tuple[str, str]]
    order: tuple[str, ...]

    def select(self, table: str) -> str:
        """What is stored of the rows of a table in DuckDB."""
        selected = ", ".join(
            f'CAST({source} AS {kind}) AS "{name}"' for name, (kind, source) in self.columns.items()
        )
        return f"SELECT {selected} FROM {quoted(table)}"  # noqa: S608 - names of ours

    def ordered(self) -> str:
        return ", ".join(f'"{name}"' for name in self.order)


SHAPES: Final[Mapping[str, Shape]] = {
    Stream.HITS: Shape(
        {
            "group_id": ("BIGINT", "group_id"),
            "test": ("VARCHAR", "test"),
            "settings_group": ("INTEGER", "settings_group"),
            "variant": ("VARCHAR", "variant"),
            "visitor": ("VARCHAR", _VISITOR),
            "device": ("VARCHAR", _DEVICE),
            "split_group": ("SMALLINT", "COALESCE(split_group, 0)"),
            "environment": ("VARCHAR", "environment"),
            "time": ("TIMESTAMP", '"time"'),
            "forced": ("BOOLEAN", "forced"),
            "test_user": ("BOOLEAN", "test_user"),
        },
        # What is asked is about settings groups, and users within them: files and tables are read in small parts only.
        ("group_id", "variant", "visitor", "time"),
    ),
    Stream.EVENTS: Shape(
        {
            "event": ("VARCHAR", "event"),
            "visitor": ("VARCHAR", _VISITOR),
            "device": ("VARCHAR", _DEVICE),
            "environment": ("VARCHAR", "environment"),
            "time": ("TIMESTAMP", '"time"'),
            "value": ("DOUBLE", '"value"'),
        },
        ("event", "visitor", "time"),
    ),
}


def quoted(name: str) -> str:
    """A name as an identifier in DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string in DuckDB's SQL."""
    return exp.Literal.string(text).sql(dialect="duckdb")


def empty_table(stream: str) -> str:
    """A select of DuckDB without rows, of the columns of a stream."""
    columns = ", ".join(
        f'CAST(NULL AS {kind}) AS "{name}"' for name, (kind, _) in SHAPES[stream].columns.items()
    )
    return f"SELECT {columns} WHERE FALSE"
