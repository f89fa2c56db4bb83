"""People and tokens: the only place that makes or changes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import ApiToken, Environment, Role, Scope, User
from accounts.signals import token_changed
from accounts.tokens import new_token, token_digest, token_hint
from core import clock
from core.errors import InvalidInput, NotAllowed, NotFound


def save_person(username: str, role: Role, password: str, **names: str) -> User:
    """Create the person, or give an existing one this role, name and password.

    Raises InvalidInput for a password that Django's validators refuse.
    """
    person = User.objects.filter(username=username).first() or User(username=username)
    for field, value in names.items():
        setattr(person, field, value)
    person.role = role
    person.is_superuser = person.is_staff = role == Role.SUPERUSER
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise InvalidInput.at("password", " ".join(error.messages)) from error
    person.set_password(password)
    person.save()
    return person


@transaction.atomic
def create_token(
    actor: Actor,
    name: str,
    scopes: Sequence[str],
    environment: str = Environment.PRODUCTION,
    expires_at: dt.datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new token for the acting person: (row, the token itself, which is never shown again).

    Raises NotAllowed for machines, InvalidInput naming the field.
    """
    if actor.user is None:
        raise NotAllowed(gettext("A token belongs to a person."))
    if not name.strip():
        raise InvalidInput.at("name", gettext("Give the token a name that tells what uses it."))
    unknown = [scope for scope in scopes if scope not in Scope.values]
    if unknown or not scopes:
        raise InvalidInput.at(
            "scopes",
            gettext("Choose at least one of: %(scopes)s.") % {"scopes": gettext(", ").join(Scope.values)},
        )
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput.at("expires_at", gettext("The token would already have expired."))
    secret = new_token()
    token = ApiToken.objects.create(
        name=name.strip(),
        owner=actor.user,
        digest=token_digest(secret),
        hint=token_hint(secret),
        scopes=[scope for scope in Scope.values if scope in scopes],
        environment=environment,
        expires_at=expires_at,
    )
    token_changed.send(ApiToken, actor=actor, token=token, revoked=False)
    return token, secret


@transaction.atomic
def revoke_token(actor: Actor, token_id: int) -> ApiToken:
    """Make the token useless from now on. Its owner and superusers may; twice is the same as once."""
    token = ApiToken.objects.select_for_update().filter(pk=token_id).first()
    if token is None:
        raise NotFound(gettext("There is no such token."))
    if not actor.is_superuser and token.owner != actor.user:
        raise NotAllowed(gettext("Only its owner or a superuser can revoke a token."))
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        token.save(update_fields=["revoked_at"])
        token_changed.send(ApiToken, actor=actor, token=token, revoked=True)
    return token
