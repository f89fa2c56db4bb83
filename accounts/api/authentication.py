"""`Authorization: Bearer <token>`, or the console's session for the browser."""

from __future__ import annotations

import datetime as dt

from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.tokens import token_digest
from core import clock

# "Last used" is for people: to the minute is enough and keeps reads from becoming writes.
LAST_USED_STEP = dt.timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """Bearer tokens. A revoked, expired or unknown token is 401, whatever the address."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        digest = token_digest(token.strip().decode("utf-8", "surrogateescape"))
        moment = clock.now()
        found = ApiToken.objects.usable(moment).select_related("owner").filter(digest=digest).first()
        if found is None:
            raise AuthenticationFailed("The token is unknown, revoked or expired.")
        if found.last_used_at is None or moment - found.last_used_at > LAST_USED_STEP:
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=moment)
        return found.owner, found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="usersplit"'


class ConsoleSessionAuthentication(SessionAuthentication):
    """A person signed in to the console reads and writes with their own rights (CSRF token needed)."""
