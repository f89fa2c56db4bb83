"""What packages above hear of people and tokens, inside the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass

from django.dispatch import Signal

# Sent with actor, token (ApiToken) and revoked (bool).
token_changed = Signal()
# Sent with actor, person (User, as it is now), action ("create", "edit", "archive" or "restore"), message and fields
# (FieldChange, of what changed).
person_changed = Signal()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a person, before and after, as everybody may read it: never an address, never a secret."""

    field: str
    label: str
    before: str | bool | None
    after: str | bool | None
