"""Connections to chats and Jira. Only superusers look after them; every change writes its entry, never the secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext, override

from accounts.actors import Actor
from changelog.models import SubjectKind, Verb
from changelog.services import Change, record
from core import clock
from core.errors import Conflict, FieldError, InvalidInput, NotAllowed, NotFound, StaleTransition
from core.tasks import enqueue_on_commit
from core.text import unstorable_text
from notifications.breaker import note_success
from notifications.channels.base import CheckReport, SendFailed
from notifications.channels.registry import channel_of
from notifications.models import ChannelKind, Connection, Provider
from notifications.providers import PROVIDERS_TYPED, ProviderSpec, Typed
from notifications.secrets import encrypt
from notifications.sending import give_up_all, hurry

logger = logging.getLogger(__name__)

MAX_SECRET: Final = 4_000
_MAX_WORDS: Final = 1_000
_SENDERS: Final = {
    ChannelKind.CHAT: "notifications.tasks.send_chat",
    ChannelKind.JIRA: "notifications.tasks.send_jira",
}
_COLUMNS: Final = ("name", "url", "account")


def create_connection(actor: Actor, provider: str, **given: Any) -> Connection:
    """Connect a provider. Raises NotAllowed, or InvalidInput naming every field that is wrong."""
    _require_superuser(actor)
    if provider not in Provider.values:
        raise NotFound(gettext("There is no such provider."))
    values = _checked(Provider(provider), given, stored=None)
    try:
        with transaction.atomic():
            row = Connection.objects.create(provider=provider, created_by=actor.user, **values)
            _record(actor, Verb.CREATE, row, "connected", _changes(None, row, new_secret=True))
    except IntegrityError as error:
        words = gettext("There is a connection %(name)s already.") % {"name": values["name"]}
        raise InvalidInput.at("name", words) from error
    return row


def update_connection(actor: Actor, connection_id: int, /, *, revision: int, **given: Any) -> Connection:
    """Change it; `revision` is the one the change is based on. Without `secret` the one that is there stays.

    Raises NotAllowed, NotFound, StaleTransition, or InvalidInput naming every field that is wrong.
    """
    _require_superuser(actor)
    try:
        with transaction.atomic():
            before = _locked(connection_id, revision)
            values = _checked(Provider(before.provider), given, stored=before)
            new_secret = "secret" in values
            after = _saved(before, values)
            changes = _changes(before, after, new_secret=new_secret)
            if changes:
                _record(actor, Verb.EDIT, after, "changed the connection", changes)
    except IntegrityError as error:
        raise InvalidInput.at("name", gettext("There is another connection of this name.")) from error
    return after


@transaction.atomic
def switch_connection(actor: Actor, connection_id: int, *, revision: int, is_active: bool) -> Connection:
    """Off: nothing more goes out over it, and what waits is given up (direct messages come by mail). On: from now on again."""
    _require_superuser(actor)
    before = _locked(connection_id, revision)
    if before.is_active == is_active:
        return before
    after = _saved(before, {"is_active": is_active})
    verb, done = (Verb.RESTORE, "switched on") if is_active else (Verb.ARCHIVE, "switched off")
    _record(actor, verb, after, done, [Change("is_active", "In use", before.is_active, is_active)])
    if not is_active:
        give_up_all(after, f"The connection {after.name} was switched off before this was sent.")
    return after


@transaction.atomic
def ask_for_check(actor: Actor, connection_id: int) -> Connection:
    """Have a worker test the account: a provider that hangs shall not hold a page. Asking twice is asking once."""
    _require_superuser(actor)
    row = _found(connection_id)
    if not row.is_active:
        raise Conflict(gettext("%(name)s is switched off: switch it on to test it.") % {"name": row.name})
    Connection.objects.filter(pk=row.pk).update(check_asked_at=clock.now(), checked_at=None, check_steps=[])
    enqueue_on_commit("notifications.tasks.check_connection", row.pk)
    return _found(connection_id)


def check_connection(connection_id: int) -> CheckReport | None:
    """Try the account without telling anybody, and keep what was found. One that works is let through at once again."""
    row = Connection.objects.filter(pk=connection_id, is_active=True).first()
    if row is None:
        return None
    report = _report_of(row)
    found = {name: report.found[name][:200] for name in ("account",) if report.found.get(name)}
    # What was found belongs to the settings that were tried: somebody may have changed them meanwhile.
    tried = Connection.objects.filter(pk=row.pk, revision=row.revision)
    steps = [[step, done, words[:_MAX_WORDS]] for step, done, words in report.steps]
    is_kept = tried.update(check_steps=steps, checked_at=clock.now(), **(found if report.is_ok else {}))
    if is_kept and report.is_ok:
        note_success(row.pk)
        if hurry(row):
            enqueue_on_commit(_SENDERS[row.channel])
    return report


def _report_of(row: Connection) -> CheckReport:
    try:
        return channel_of(row).check()
    except SendFailed as failure:
        return CheckReport((("Read the settings", False, failure.answer),))
    except Exception as error:
        logger.exception("The test of connection %s failed in a way that nobody thought of", row.pk)
        words = f"{type(error).__name__} in our own code; the log says more."
        return CheckReport((("Try the account", False, words),))


def _require_superuser(actor: Actor) -> None:
    if not (actor.is_machine or actor.is_superuser):
        raise NotAllowed(gettext("Only superusers look after connections."))


def _found(connection_id: int) -> Connection:
    row = Connection.objects.filter(pk=connection_id).first() if connection_id < 2**63 else None
    if row is None:
        raise NotFound(gettext("There is no such connection."))
    return row


def _locked(connection_id: int, revision: int) -> Connection:
    """The row, held for this transaction. Raises StaleTransition unless it is as the change thinks it is."""
    _found(connection_id)
    row = Connection.objects.select_for_update().get(pk=connection_id)
    if row.revision != revision:
        words = gettext(
            "The connection %(name)s was changed in the meantime. Look at it again and repeat your change."
        )
        raise StaleTransition(words % {"name": row.name})
    return row


def _saved(before: Connection, values: Mapping[str, Any]) -> Connection:
    """With new values it is tried at once, whatever the old ones led to; the last test was of the old ones."""
    different = {name: value for name, value in values.items() if value != getattr(before, name)}
    if different:
        Connection.objects.filter(pk=before.pk).update(
            **different,
            revision=before.revision + 1,
            failures=0,
            closed_until=None,
            check_asked_at=None,
            checked_at=None,
            check_steps=[],
        )
    return Connection.objects.get(pk=before.pk)


@override(settings.LANGUAGE_CODE)
def _record(actor: Actor, verb: Verb, row: Connection, done: str, changes: list[Change]) -> None:
    message = f"{done} {row.name} ({row.get_provider_display()})"
    record(actor, verb, SubjectKind.CONNECTION, row.name, message, changes, subject_id=row.pk)


@override(settings.LANGUAGE_CODE)  # the changelog is everybody's, whoever wrote in it
def _changes(before: Connection | None, after: Connection, *, new_secret: bool) -> list[Change]:
    spec = PROVIDERS_TYPED[Provider(after.provider)]
    labels = {"name": "Name", "url": "Address", "account": "Account"}
    labels |= {f"options.{name}": str(typed.label) for name, typed in spec.options}
    changes = []
    for field, label in labels.items():
        old, new = (None if row is None else _readable(row, field) for row in (before, after))
        if old != new:
            changes.append(Change(field, label, old, new))
    if new_secret:
        # That it is another one; which one is nobody's business.
        changes.append(
            Change("secret", str(spec.secret.label), None if before is None else "the old one", "a new one")
        )
    return changes


def _readable(row: Connection, field: str) -> object:
    name = field.removeprefix("options.")
    value = getattr(row, name) if name == field else row.options.get(name)
    return ", ".join(value) if isinstance(value, list) else value or None


# ---- checking ------------------------------------------------------------------------------------------------


def _checked(provider: Provider, given: Mapping[str, Any], stored: Connection | None) -> dict[str, Any]:
    """The columns' values. Raises InvalidInput with all that is wrong."""
    spec = PROVIDERS_TYPED[provider]
    reader = _Reader(given)
    values: dict[str, Any] = {"name": reader.read("name", _name)}
    secret = _new_secret(reader, spec, stored)
    if spec.url is not None:
        values["url"] = reader.read("url", _address)
    elif secret:
        values["url"] = _origin_of_hook(secret)
    if spec.account is not None:
        values["account"] = reader.read("account", _email)
    elif secret:
        # Whose the new secret is, the test finds out.
        values["account"] = ""
    values["options"] = {name: reader.read(name, partial(_option, typed)) for name, typed in spec.options}
    if stored is not None:
        values["options"] = {**stored.options, **values["options"]}
        if not secret and not reader.errors and _moved(stored.url, values.get("url")):
            reader.refuse("secret", "The address is another server's: type the secret that it knows.")
    if unknown := sorted(given.keys() - reader.known):
        for name in unknown:
            reader.refuse(name, gettext("There is no such field."))
    if reader.errors:
        raise InvalidInput(reader.errors)
    return values | ({"secret": encrypt(secret)} if secret else {})


class _Reader:
    """Reads fields one after another and keeps every complaint."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.errors: list[FieldError] = []
        self.known: set[str] = {"secret"}

    def read(self, name: str, check: Callable[[object], Any]) -> Any:
        """The checked value; None when it was refused."""
        self.known.add(name)
        try:
            return check(self.given.get(name, ""))
        except ValueError as error:
            self.refuse(name, str(error))
        return None

    def refuse(self, name: str, message: str) -> None:
        self.errors.append(FieldError(name, message))


def _new_secret(reader: _Reader, spec: ProviderSpec, stored: Connection | None) -> str:
    """What was typed; "" when the one that is there stays."""
    if stored is not None and not reader.given.get("secret"):
        return ""
    check = _hook if spec.url is None else _token
    return reader.read("secret", check) or ""


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        raise ValueError(gettext("Must be a text."))
    text = value.strip()
    if not text:
        raise ValueError(gettext("Must not be empty."))
    if len(text) > most:
        raise ValueError(gettext("Must have at most %(most)s characters.") % {"most": f"{most:,}"})
    if problem := unstorable_text(text):
        raise ValueError(f"{problem[0].upper()}{problem[1:]}.")
    if not text.isprintable():
        raise ValueError(gettext("Must be one line of visible characters."))
    return text


def _name(value: object) -> str:
    return _text(value, 100)


def _token(value: object) -> str:
    """Goes into a header: anything but visible ASCII was copied wrongly, and a line break would be a header of its own."""
    text = _text(value, MAX_SECRET)
    if not text.isascii() or " " in text:
        raise ValueError(
            gettext("Must be one word of plain letters, digits and signs. Was it copied whole, and alone?")
        )
    return text


def _address(value: object) -> str:
    """Without a slash at its end."""
    text = _text(value, 500).rstrip("/")
    parts = _split(text)
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError(gettext("Must end with the path: no question mark, no #."))
    return text


def _hook(value: object) -> str:
    text = _token(value)
    _split(text)
    return text


def _origin_of_hook(address: object) -> str:
    """All of a hook's address that may be shown."""
    parts = _split(str(address))
    return f"{parts.scheme}://{parts.netloc}"


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(gettext("Must be an address such as https://chat.example.org.")) from error
    if parts.scheme not in {"https", "http"} or not host or any(one.isspace() for one in text):
        raise ValueError(gettext("Must be an address such as https://chat.example.org."))
    if "@" in parts.netloc:
        raise ValueError(gettext("Must not hold a user name or password: the secret has a field of its own."))
    if parts.scheme == "http" and not settings.NOTIFICATIONS_ALLOW_PRIVATE:
        raise ValueError(
            gettext("Must begin with https://: over http:// the secret could be read on its way.")
        )
    return parts


def _moved(before: str, after: object) -> bool:
    old, new = urlsplit(before), urlsplit(str(after))
    return (old.scheme, old.netloc) != (new.scheme, new.netloc)


def _email(value: object) -> str:
    text = _text(value, 200)
    try:
        validate_email(text)
    except ValidationError as error:
        raise ValueError(gettext("Must be an e-mail address.")) from error
    return text


def _option(typed: Typed, value: object) -> Any:
    if typed.is_list:
        words = value if isinstance(value, list) else str(value).split(",")
        return [_text(word, 100) for word in words if str(word).strip()]
    if typed.choices:
        if value not in dict(typed.choices):
            choices = ", ".join(dict(typed.choices))
            raise ValueError(gettext("Must be one of: %(choices)s.") % {"choices": choices})
        return value
    return _text(value, 100) if typed.required or value else ""
