"""Database triggers for rows that are written once."""

from __future__ import annotations

import pgtrigger


def insert_only() -> list[pgtrigger.Trigger]:
    """Rows can be added; changing, deleting or truncating is refused, for raw SQL too."""
    return [
        pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete),
        *never_truncated(),
    ]


def never_deleted() -> list[pgtrigger.Trigger]:
    """Rows can be added and changed, and stay."""
    return [pgtrigger.Protect(name="is_kept", operation=pgtrigger.Delete), *never_truncated()]


def never_truncated() -> list[pgtrigger.Trigger]:
    """TRUNCATE sees no rows, so PostgreSQL wants a trigger of its own for it."""
    refusal = "RAISE EXCEPTION 'rows of % are kept', TG_TABLE_NAME;"
    return [
        pgtrigger.Trigger(
            name="is_kept_whole",
            operation=pgtrigger.Truncate,
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            func=refusal,
        )
    ]
