"""What people set for themselves: language, time zone, e-mail address, password. Nobody else is told."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils.text import get_text_list
from django.utils.translation import gettext

from accounts.models import User
from accounts.preferences import is_time_zone
from core.errors import FieldError, InvalidInput, NotAllowed
from core.text import unstorable_text


@transaction.atomic
def save_own_settings(person: User, *, language: str, time_zone: str, email: str) -> User:
    """The person as saved. An empty language or zone is the browser's. Another address makes open links useless.

    Raises InvalidInput naming every field that is wrong.
    """
    errors = []
    if language and language not in dict(settings.LANGUAGES):
        errors.append(
            FieldError("language", gettext("Must be one of: %(names)s.") % {"names": _language_names()})
        )
    if time_zone and not is_time_zone(time_zone):
        errors.append(
            FieldError("time_zone", gettext("Must be the name of a time zone, such as Europe/Berlin."))
        )
    if email and not _is_address(email):
        errors.append(FieldError("email", gettext("Must be an e-mail address.")))
    if errors:
        raise InvalidInput(errors)
    before = User.objects.select_for_update().get(pk=person.pk)
    values: dict[str, Any] = {"language": language, "time_zone": time_zone, "email": email}
    changed = {name: value for name, value in values.items() if value != getattr(before, name)}
    if "email" in changed:
        changed["link_made_at"] = None
    if changed:
        User.objects.filter(pk=person.pk).update(**changed, revision=F("revision") + 1)
    return User.objects.get(pk=person.pk)


@transaction.atomic
def save_own_password(person: User, password: str) -> User:
    """The person with the new password and nothing else changed: hashing takes so long that a superuser may switch them off meanwhile.

    Raises NotAllowed when that has happened. An open one-time link is useless from now on.
    """
    row = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if not row.is_active:
        raise NotAllowed(gettext("This account is switched off."))
    row.set_password(password)
    row.link_made_at = None
    row.save(update_fields=["password", "link_made_at"])
    return row


def _is_address(email: str) -> bool:
    try:
        validate_email(email)
    except ValidationError:
        return False
    return len(email) <= 254 and unstorable_text(email) is None


def _language_names() -> str:
    return get_text_list([name for _, name in settings.LANGUAGES])
