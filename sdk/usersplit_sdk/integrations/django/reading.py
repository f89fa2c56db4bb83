"""How requests and users of Django are read, unless the application says otherwise."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import get_language, to_locale

from usersplit_sdk.integrations.web import browser_attributes
from usersplit_sdk.model import Environment, User

PROFILE = (
    "is_test_user", "is_new_user", "is_paying", "country_id", "age", "gender", "language", "registered_at", "app_version",
)  # fmt: skip
"""The profile filters of a new installation. Nothing else is read from a user: a test file must not choose which
attributes of a model are looked at."""


def read_user(request: HttpRequest) -> User | None:
    """The user who is logged in: the primary key, the model's ``split_group``, and of the profile what it has."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    attributes = {name: getattr(user, name) for name in PROFILE if hasattr(user, name)}
    if hasattr(user, "date_joined"):
        attributes.setdefault("registered_at", user.date_joined)
    return User(str(user.pk), getattr(user, "split_group", None), attributes)


def read_environment(request: HttpRequest) -> Environment:
    """User agent, language and, for browsers, platform; the guest's split group is added from the cookie."""
    return Environment(attributes=browser_attributes(request.headers))


def active_language() -> str | None:
    """The language that Django translates to, written as texts have it: ``de-AT`` for Django's ``de-at``."""
    language = get_language()
    return language and to_locale(language).replace("_", "-")
