"""Entries for what happens in packages below, which don't know the changelog."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.actors import Actor
from accounts.models import ApiToken, User
from accounts.signals import FieldChange
from changelog.models import SubjectKind, Verb
from changelog.services import Change, record


def record_token_change(
    sender: object, *, actor: Actor, token: ApiToken, revoked: bool, **kwargs: object
) -> None:
    """A token was made or revoked."""
    verb, done = (Verb.REVOKE, "Revoked") if revoked else (Verb.CREATE, "Created")
    message = f"{done} the API token “{token.name}” ({', '.join(token.scopes)}; {token.environment})"
    record(actor, verb, SubjectKind.TOKEN, token.hint, message)


def record_person_change(
    sender: object,
    *,
    actor: Actor,
    person: User,
    action: str,
    message: str,
    fields: Sequence[FieldChange],
    **kwargs: object,
) -> None:
    """Somebody was added or changed, let in or shut out."""
    changes = [Change(one.field, one.label, one.before, one.after) for one in fields]
    key = person.username[:100]
    record(actor, Verb(action), SubjectKind.ACCOUNT, key, message, changes, subject_id=person.pk)
