"""Who is in a test: the filter catalogue, conditions, the warehouse of users, counting and drawing split groups.

`conditions` turns what people and programs send into typed trees, `compiling` turns those into SQL,
`warehouse` runs it, `drawing` deals the 2400 split groups. Nothing here knows of tests or settings groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audience.iterating import iterate

__all__ = ["iterate"]


def __getattr__(name: str) -> Any:
    # Not imported beforehand: Django imports this package before there are models.
    if name == "iterate":
        from audience.iterating import iterate  # noqa: PLC0415

        return iterate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
