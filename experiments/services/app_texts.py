"""The application's own texts: loaded from its translations, uploaded and edited by managers. Every change is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from django.db import connection, transaction
from django.utils.translation import gettext

from accounts.actors import Actor
from changelog.models import SubjectKind, Verb
from changelog.services import Change, record
from core import clock
from core.errors import FieldError, InvalidInput, NotAllowed, StaleTransition
from core.text import unstorable_text
from experiments.models import AppText
from experiments.models.app_text import MAX_LANGUAGE, MAX_TOKEN
from experiments.text_files import wrong_with

PER_ENTRY: Final = 500
"""Changes that one entry of the changelog lists; a load of more has several."""
MAX_LISTED: Final = 5_000
"""A load of more lists what it changes and removes; what it adds is only counted."""


@dataclass(frozen=True, slots=True)
class TextChange:
    """One text; `before` and `after` are None where there is none."""

    token: str
    language: str
    before: str | None
    after: str | None


def may_change_texts(actor: Actor) -> bool:
    """Managers and superusers, and the product's own commands."""
    return actor.user is None or actor.user.may_manage


def changes_by(texts: Mapping[tuple[str, str], str]) -> list[TextChange]:
    """What loading (token, language) → text would change, in that order. Languages keep the spelling that is known here."""
    spelled = _spellings()
    # A language that comes in two spellings has the first.
    wanted = {
        (token, spelled.setdefault(language.lower(), language)): text
        for (token, language), text in texts.items()
    }
    now = _texts_now({token for token, _ in wanted})
    return [
        TextChange(token, language, now.get((token, language)), text)
        for (token, language), text in wanted.items()
        if now.get((token, language)) != text
    ]


def digest_of(changes: Iterable[TextChange]) -> str:
    """What somebody looked at before they applied it: other changes have another."""
    return hashlib.sha256(json.dumps([astuple(one) for one in changes]).encode()).hexdigest()


def apply_texts(
    actor: Actor, texts: Mapping[tuple[str, str], str], *, source: str, expected: str | None = None
) -> list[TextChange]:
    """Take over these texts, all or none; answers what changed. `expected` is the digest of the changes that were agreed to.

    Raises NotAllowed for roles that only look, StaleTransition when the changes are others by now.
    """
    _require(actor)
    with transaction.atomic():
        _lock()
        changes = changes_by(texts)
        if expected is not None and digest_of(changes) != expected:
            raise StaleTransition(
                gettext(
                    "Somebody changed texts after you looked. Below is what would change now; nothing is applied yet."
                )
            )
        _write(actor, changes, source)
    return changes


def save_text(actor: Actor, token: str, language: str, text: str, *, was: str | None) -> TextChange | None:
    """Make or change one text; None when it says that already. `was` is what it said when somebody began to type.

    Raises NotAllowed, InvalidInput naming the field, StaleTransition when it says something else by now.
    """
    _require(actor)
    token, language, text = token.strip(), language.strip(), _plain(text)
    errors = [
        FieldError(error.path, f"{error.message[:1].upper()}{error.message[1:]}.")
        for error in wrong_with(token, language, text)
    ]
    if errors:
        raise InvalidInput(errors)
    with transaction.atomic():
        _lock()
        language = _spellings().get(language.lower(), language)
        now = _texts_now({token}).get((token, language))
        if now == text:
            return None
        if (now is None) != (was is None) or _plain(now or "") != _plain(was or ""):
            raise StaleTransition(_stale(now, is_new=was is None))
        change = TextChange(token, language, now, text)
        _write(actor, [change], "")
    return change


def remove_text(actor: Actor, token: str, language: str, *, was: str | None) -> TextChange | None:
    """Forget one text; None when there is none. Raises NotAllowed, and StaleTransition when it is not `was` any more."""
    _require(actor)
    with transaction.atomic():
        _lock()
        now = _texts_now({token}).get((token, language))
        if now is None:
            return None
        if was is None or _plain(now) != _plain(was):
            raise StaleTransition(_stale(now))
        change = TextChange(token, language, now, None)
        _write(actor, [change], "")
    return change


def load_app_texts(
    actor: Actor, language: str, texts: Mapping[str, str], *, replace: bool = False, source: str = "a file"
) -> tuple[int, int]:
    """Take over the texts of one language; answers (loaded, left out for a token that is too long or not storable).

    `replace` forgets the language's other tokens, else they stay. Raises InvalidInput for a language that cannot be one.
    """
    _require(actor)
    if len(language) > MAX_LANGUAGE or wrong_with("-", language, "-"):
        raise InvalidInput(
            [FieldError("language", gettext("Must be a language such as de, de_at or pt-BR."))]
        )
    usable = {
        token: text
        for token, text in texts.items()
        if token and len(token) <= MAX_TOKEN and not unstorable_text(token) and not unstorable_text(text)
    }
    with transaction.atomic():
        _lock()
        language = _spellings().get(language.lower(), language)
        now = dict(AppText.objects.filter(language=language).values_list("token", "text"))
        changes = [
            TextChange(token, language, now.get(token), text)
            for token, text in usable.items()
            if now.get(token) != text
        ]
        if replace:
            changes += [TextChange(token, language, now[token], None) for token in now if token not in usable]
        AppText.objects.filter(language=language, token__in=usable).update(loaded_at=clock.now())
        _write(actor, changes, source)
    return len(usable), len(texts) - len(usable)


def _plain(text: str) -> str:
    """Line ends as they are kept here: forms send others."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _require(actor: Actor) -> None:
    if not may_change_texts(actor):
        raise NotAllowed(gettext("Only managers and superusers change the application's texts."))


def _lock() -> None:
    """Who changes texts waits for whoever does: what was compared is what is written. Readers wait for nobody."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE experiments_apptext IN SHARE ROW EXCLUSIVE MODE")


def _spellings() -> dict[str, str]:
    """Languages as they are spelled here, by small letters: de_AT does not stand beside de_at."""
    found = AppText.objects.order_by("-language").values_list("language", flat=True).distinct()
    return {language.lower(): language for language in found}


def _texts_now(tokens: set[str]) -> dict[tuple[str, str], str]:
    rows = AppText.objects.filter(token__in=tokens).values_list("token", "language", "text")
    return {(token, language): text for token, language, text in rows}


def _write(actor: Actor, changes: Sequence[TextChange], source: str) -> None:
    """The rows, and the entries that tell of them; `source` is the file they come from, "" for what somebody typed."""
    AppText.objects.bulk_create(
        [
            AppText(token=one.token, language=one.language, text=one.after, loaded_at=clock.now())
            for one in changes
            if one.after is not None
        ],
        batch_size=1_000,
        update_conflicts=True,
        unique_fields=["token", "language"],
        update_fields=["text", "loaded_at"],
    )
    gone: dict[str, list[str]] = {}
    for one in changes:
        if one.after is None:
            gone.setdefault(one.language, []).append(one.token)
    for language, tokens in gone.items():
        AppText.objects.filter(language=language, token__in=tokens).delete()
    if not source:
        for one in changes:
            _tell_one(actor, one)
    elif changes:
        _tell_all(actor, changes, source)


def _tell_one(actor: Actor, one: TextChange) -> None:
    done = "Added" if one.before is None else "Removed" if one.after is None else "Changed"
    verb = Verb.CREATE if one.before is None else Verb.EDIT
    message = f"{done} the text of “{one.token[:200]}” in {one.language}"
    record(actor, verb, SubjectKind.TEXT, one.token[:100], message, [_told(one)])


def _tell_all(actor: Actor, changes: Sequence[TextChange], source: str) -> None:
    added = sum(one.before is None for one in changes)
    removed = sum(one.after is None for one in changes)
    numbers = {"new": added, "changed": len(changes) - added - removed, "removed": removed}
    message = f"Loaded texts from {source}: {', '.join(f'{number:,} {what}' for what, number in numbers.items() if number)}"
    listed = (
        [one for one in changes if one.before is not None] if len(changes) > MAX_LISTED else list(changes)
    )
    parts = [listed[at : at + PER_ENTRY] for at in range(0, len(listed), PER_ENTRY)] or [[]]
    for number, part in enumerate(parts, start=1):
        which = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        record(actor, Verb.EDIT, SubjectKind.TEXT, source[:100], message + which, map(_told, part))


def _told(one: TextChange) -> Change:
    return Change(f"{one.token}.{one.language}", f"{one.token} ({one.language})", one.before, one.after)


def _stale(now: str | None, *, is_new: bool = False) -> str:
    if is_new:
        return gettext(
            "There is a text for this token in this language already. Look at it, then save again."
        )
    if now is None:
        return gettext(
            "Somebody removed this text after you opened it. Save again to bring it back with your words."
        )
    return gettext("Somebody changed this text after you opened it. Look at theirs, then save again.")
