"""Entries for what happens in packages below, which don't know the changelog."""

from __future__ import annotations

from accounts.actors import Actor
from accounts.models import ApiToken
from changelog.models import SubjectKind, Verb
from changelog.services import record


def record_token_change(
    sender: object, *, actor: Actor, token: ApiToken, revoked: bool, **kwargs: object
) -> None:
    """A token was made or revoked."""
    verb, done = (Verb.REVOKE, "Revoked") if revoked else (Verb.CREATE, "Created")
    message = f"{done} the API token “{token.name}” ({', '.join(token.scopes)}; {token.environment})"
    record(actor, verb, SubjectKind.TOKEN, token.hint, message)
