"""How a server's tables are told from those of others in the same place: by a comment that only ours carry.

A table is dropped, replaced or read as users only if its comment is marked. Names alone say nothing: somebody else's
`users_202401` or `ledger_2026` may lie beside ours.
"""

from __future__ import annotations

import json
from typing import Any, Final

_MARK: Final = "usersplit"
_FORM: Final = 1


def marked(**known: Any) -> str:
    """The comment of a table of ours, with what is to be known about it (as JSON takes it)."""
    return json.dumps({_MARK: _FORM, **known})


def known_from(comment: str | None) -> dict[str, Any] | None:
    """What our comment says; None for the comment of somebody else's table, and for no comment."""
    try:
        known = json.loads(comment or "")
    except ValueError:
        return None
    return known if isinstance(known, dict) and known.get(_MARK) == _FORM else None
