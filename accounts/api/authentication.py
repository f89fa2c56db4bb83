"""`Authorization: Bearer <token>`, or the console's session for the browser."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.requests import client_address
from accounts.throttling import take
from accounts.tokens import could_be_token, token_digest
from core import clock

# "Last used" is for people: to the minute is enough and keeps reads from becoming writes.
LAST_USED_STEP = dt.timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """Bearer tokens. A revoked, expired or unknown token is 401, whatever the address."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        given = token.strip().decode("utf-8", "surrogateescape")
        moment = clock.now()
        found = _usable_token(given, moment)
        if found is None:
            # Guessing one is hopeless; a program that goes on with a dead token is answered more cheaply. Good ones
            # from the same address always pass: many may share it.
            refused = take("refused-token", client_address(request), settings.REFUSED_TOKENS_A_MINUTE)
            if refused.is_used_up:
                raise Throttled(refused.reset, "Too many requests with tokens that are not good.")
            raise AuthenticationFailed("The token is unknown, revoked or expired.")
        if found.last_used_at is None or moment - found.last_used_at > LAST_USED_STEP:
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=moment)
        return found.owner, found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="usersplit"'


def _usable_token(given: str, moment: dt.datetime) -> ApiToken | None:
    # What does not even look like one costs no query.
    if not could_be_token(given):
        return None
    tokens = ApiToken.objects.usable(moment).select_related("owner")
    return tokens.filter(digest=token_digest(given)).first()


class ConsoleSessionAuthentication(SessionAuthentication):
    """A person signed in to the console reads and writes with their own rights (CSRF token needed)."""
