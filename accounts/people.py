"""People: superusers add and change them, let them in and shut them out. Every change is told to the changelog.

Whoever changes somebody holds the rows of all superusers meanwhile, so that two superusers who take each other's role away
do it one after the other: the second is no superuser any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.text import get_text_list
from django.utils.translation import gettext, override

from accounts.actors import Actor
from accounts.models import Role, User
from accounts.password_links import is_valid_link
from accounts.signals import FieldChange, person_changed
from core import clock
from core.errors import Conflict, FieldError, InvalidInput, NotAllowed, NotFound, StaleTransition
from core.tasks import enqueue_on_commit
from core.text import unstorable_text

_MAX_NAME: Final = 150
_MAX_EMAIL: Final = 254


@transaction.atomic
def add_person(actor: Actor, *, username: str, name: str, email: str, role: str) -> User:
    """A new person, who cannot sign in before choosing a password by a link.

    Raises NotAllowed, or InvalidInput naming every field that is wrong.
    """
    _hold(actor)
    values = _checked({"username": username, "name": name, "email": email, "role": role})
    # Everybody who adds somebody holds the same rows: nobody takes the name in between.
    if User.objects.filter(username__iexact=values["username"]).exists():
        raise InvalidInput.at("username", gettext("Somebody has this user name already."))
    person = User(username=values["username"], **_columns(values))
    person.set_unusable_password()
    person.save()
    fields = [FieldChange("role", "Role", None, _role_name(person.role))]
    _tell(actor, person, "create", f"Added {_called(person)} as {_role_name(person.role)}", fields)
    return person


@transaction.atomic
def update_person(
    actor: Actor, person_id: int, /, *, revision: int, name: str, email: str, role: str
) -> User:
    """Change somebody; `revision` is the one the change is based on. Another address makes open links useless.

    Raises NotAllowed, NotFound, StaleTransition, Conflict for the last superuser, or InvalidInput naming every field.
    """
    before = _held(actor, person_id, revision)
    values = _checked({"name": name, "email": email, "role": role})
    if values["role"] != before.role and before.role == Role.SUPERUSER:
        if actor.user is not None and actor.user.pk == before.pk:
            raise InvalidInput.at(
                "role", gettext("You cannot take this role from yourself: ask another superuser.")
            )
        _keep_a_superuser(before)
    columns = _columns(values, before)
    if values["email"] != before.email:
        columns["link_made_at"] = None
    after = _saved(before, columns)
    fields = _differences(before, after)
    if fields:
        _tell(actor, after, "edit", f"Changed the account of {_called(after)}", fields)
    return after


@transaction.atomic
def switch_person(actor: Actor, person_id: int, *, revision: int, is_active: bool) -> User:
    """Off: sessions and links end for good, API tokens work no more. On: they sign in anew, and unrevoked tokens work again.

    What they manage stays theirs. Raises NotAllowed, NotFound, StaleTransition, Conflict for oneself and the last superuser.
    """
    before = _held(actor, person_id, revision)
    if before.is_active == is_active:
        return before
    if not is_active:
        if actor.user is not None and actor.user.pk == before.pk:
            raise Conflict(gettext("You cannot switch your own account off: ask another superuser."))
        if before.role == Role.SUPERUSER:
            _keep_a_superuser(before)
    columns: dict[str, Any] = {"is_active": is_active}
    if not is_active:
        columns |= {"access_epoch": before.access_epoch + 1, "link_made_at": None}
    after = _saved(before, columns)
    action, done = ("restore", "on again") if is_active else ("archive", "off")
    change = FieldChange("is_active", "May sign in", before.is_active, is_active)
    _tell(actor, after, action, f"Switched the account of {_called(after)} {done}", [change])
    return after


@transaction.atomic
def make_link(actor: Actor, person_id: int, *, by_mail: bool) -> User:
    """A new one-time link (`password_links.link_token`); older ones stop working, the password stays until it is used.

    With `by_mail` it is mailed, too. Raises NotAllowed, NotFound, Conflict for an account that is off.
    """
    person = _found(actor, person_id)
    if not person.is_active:
        raise Conflict(gettext("The account is switched off: switch it on first."))
    person.link_made_at = clock.now()
    person.save(update_fields=["link_made_at"])
    _tell(actor, person, "edit", f"Made a link by which {_called(person)} chooses a password")
    if by_mail and person.email:
        enqueue_on_commit("accounts.tasks.mail_link", person.pk)
    return person


@transaction.atomic
def choose_password(person_id: int, token: str, password: str) -> User:
    """What the holder of a link does with it, once. Sessions of before end.

    Raises Conflict for a link that works no more, InvalidInput for a password that Django's validators refuse.
    """
    person = User.objects.select_for_update(no_key=True).filter(pk=person_id).first()
    if person is None or not is_valid_link(person, token):
        raise Conflict(gettext("This link works no more. Ask a superuser for a new one."))
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise InvalidInput.at("password", " ".join(error.messages)) from error
    person.set_password(password)
    person.link_made_at = None
    person.save(update_fields=["password", "link_made_at"])
    _tell(Actor.person(person), person, "edit", f"{_called(person)} chose a password by a link")
    return person


# ---- holding -------------------------------------------------------------------------------------------------


def _hold(actor: Actor, person_id: int | None = None) -> dict[int, User]:
    """All superusers who may sign in, and the one who is changed, held for this transaction. Raises NotAllowed."""
    superusers = Q(role=Role.SUPERUSER, is_active=True)
    rows = User.objects.select_for_update(no_key=True).filter(superusers | Q(pk=person_id)).order_by("pk")
    held = {row.pk: row for row in rows}
    if actor.user is not None:
        # As it is now, not as it was when the request came.
        present = held.get(actor.user.pk)
        if present is None or present.role != Role.SUPERUSER or not present.is_active:
            raise NotAllowed(gettext("Only superusers look after people."))
    return held


def _found(actor: Actor, person_id: int) -> User:
    person = _hold(actor, min(person_id, 2**63 - 1)).get(person_id)
    if person is None:
        raise NotFound(gettext("There is no such person."))
    return person


def _held(actor: Actor, person_id: int, revision: int) -> User:
    """The person, held. Raises StaleTransition unless it is as the change thinks it is."""
    person = _found(actor, person_id)
    if person.revision != revision:
        words = gettext(
            "The account of %(name)s was changed in the meantime. Look at it again and repeat your change."
        )
        raise StaleTransition(words % {"name": person})
    return person


def _keep_a_superuser(leaving: User) -> None:
    """Raises Conflict when nobody is left who can let people in: one who never chose a password cannot."""
    others = User.objects.filter(role=Role.SUPERUSER, is_active=True).exclude(pk=leaving.pk)
    if not any(other.has_usable_password() for other in others):
        raise Conflict(
            gettext("%(name)s is the last superuser who can sign in: make somebody else one first.")
            % {"name": leaving}
        )


def _saved(before: User, columns: Mapping[str, Any]) -> User:
    different = {name: value for name, value in columns.items() if value != getattr(before, name)}
    if different:
        User.objects.filter(pk=before.pk).update(**different, revision=before.revision + 1)
    return User.objects.get(pk=before.pk)


def _tell(
    actor: Actor, person: User, action: str, message: str, fields: list[FieldChange] | None = None
) -> None:
    person_changed.send(User, actor=actor, person=person, action=action, message=message, fields=fields or [])


def _differences(before: User, after: User) -> list[FieldChange]:
    found = [
        FieldChange("name", "Name", before.get_full_name() or None, after.get_full_name() or None),
        # That it is another one; everybody reads the changelog, so not which.
        FieldChange("email", "E-mail", "the old one" if before.email else None, "a new one"),
        FieldChange("role", "Role", _role_name(before.role), _role_name(after.role)),
    ]
    if before.email == after.email:
        del found[1]
    elif not after.email:
        found[1] = FieldChange("email", "E-mail", "the old one", None)
    return [change for change in found if change.before != change.after]


def _called(person: User) -> str:
    name = person.get_full_name()
    return f"{name} ({person.username})" if name else person.username


def _role_name(role: str) -> str:
    """In English, whatever language the superuser reads: the changelog is everybody's."""
    with override("en"):
        return str(Role(role).label)


# ---- checking ------------------------------------------------------------------------------------------------


def _columns(values: Mapping[str, str], before: User | None = None) -> dict[str, Any]:
    """One field for the whole name: which part comes first differs between languages."""
    columns: dict[str, Any] = {"email": values["email"], "role": values["role"]}
    columns["is_superuser"] = columns["is_staff"] = values["role"] == Role.SUPERUSER
    if before is None or values["name"] != before.get_full_name():
        columns |= {"first_name": values["name"], "last_name": ""}
    return columns


def _checked(given: Mapping[str, str]) -> dict[str, str]:
    """The values to store. Raises InvalidInput with all that is wrong."""
    checks = {"username": _username, "name": _name, "email": _email, "role": _role}
    values, errors = {}, []
    for field, text in given.items():
        try:
            values[field] = checks[field](text)
        except ValueError as error:
            errors.append(FieldError(field, str(error)))
    if errors:
        raise InvalidInput(errors)
    return values


def _line(text: str, most: int) -> str:
    text = text.strip()
    if len(text) > most:
        raise ValueError(gettext("Must have at most %(most)s characters.") % {"most": most})
    if unstorable_text(text) or not text.isprintable():
        raise ValueError(gettext("Must be one line of visible characters."))
    return text


def _username(text: str) -> str:
    name = User.normalize_username(_line(text, _MAX_NAME))
    if not name:
        raise ValueError(gettext("Type the name by which they sign in."))
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError as error:
        raise ValueError(gettext("May have letters, digits and @ . + - _ only, such as mia.park.")) from error
    if len(name) > _MAX_NAME:
        raise ValueError(gettext("Must have at most %(most)s characters.") % {"most": _MAX_NAME})
    return name


def _name(text: str) -> str:
    # Some languages have spaces of their own between the parts of a name.
    name = _line(" ".join(text.split()), _MAX_NAME)
    if not name:
        raise ValueError(gettext("Type the name by which colleagues know them."))
    return name


def _email(text: str) -> str:
    address = _line(text, _MAX_EMAIL)
    if address:
        try:
            validate_email(address)
        except ValidationError as error:
            raise ValueError(gettext("Must be an e-mail address, or empty.")) from error
    return address


def _role(text: str) -> str:
    if text not in Role.values:
        raise ValueError(gettext("Must be one of: %(roles)s.") % {"roles": get_text_list(Role.values)})
    return text
