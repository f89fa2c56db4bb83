"""What the properties of a test or user group may be. One set of rules for console, API and commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from django.utils.translation import gettext

from accounts.models import Role, User
from core.errors import FieldError, InvalidInput
from core.text import unstorable_text
from experiments.models import Kind, Side
from experiments.models.experiment import KEY_PATTERN

LABELS: Final[Mapping[str, str]] = {
    "key": "Key",
    "name": "Name",
    "description": "Description",
    "hypothesis": "Hypothesis",
    "metric": "What is measured",
    "success": "What counts as success",
    "area": "Area",
    "side": "Side",
    "jira_issue": "Jira issue",
    "chat_room": "Chat room",
    "tags": "Tags",
    "managers": "Managers",
}
MAX_LENGTH: Final[Mapping[str, int]] = {
    "key": 64,
    "name": 200,
    "description": 20_000,
    "hypothesis": 20_000,
    "metric": 20_000,
    "success": 20_000,
    "area": 64,
    "jira_issue": 64,
    "chat_room": 255,
}
MOST_TAGS: Final = 20
LONGEST_TAG: Final = 32
# A user group has no variants, so nothing is measured with it.
TEST_ONLY: Final = frozenset({"hypothesis", "metric", "success", "side"})
_JIRA_ISSUE = re.compile(r"[A-Z][A-Z0-9_]{1,30}-[1-9]\d{0,9}", re.ASCII)


def clean_properties(kind: str, raw: Mapping[str, object]) -> dict[str, object]:
    """The given properties, checked and trimmed; `managers` as a list of User. Raises InvalidInput naming each field."""
    errors: list[FieldError] = []
    clean: dict[str, object] = {}
    for field, value in raw.items():
        if field not in LABELS or (kind == Kind.GROUP and field in TEST_ONLY):
            errors.append(FieldError(field[:64], "There is no such property."))
            continue
        try:
            clean[field] = _CLEANERS[field](value) if field in _CLEANERS else _clean_text(field, value)
        except ValueError as error:
            errors.append(FieldError(field, str(error)))
    if errors:
        raise InvalidInput(errors)
    return clean


def _clean_text(field: str, value: object) -> str:
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise ValueError(gettext("Must be text."))
    limit = MAX_LENGTH.get(field, 64)
    if len(value) > limit:
        raise ValueError(
            gettext("Is %(length)s characters long; at most %(limit)s are possible.")
            % {"length": f"{len(value):,}", "limit": f"{limit:,}"}
        )
    message = unstorable_text(value)
    if message:
        raise ValueError(f"{message[0].upper()}{message[1:]}.")
    # A key is taken as it stands: what is sent is what code will ask for.
    text = value if field == "key" else value.strip()
    if field == "key" and not re.fullmatch(KEY_PATTERN, text, re.ASCII):
        raise ValueError(
            gettext(
                "Must be 2 to 64 lower-case letters, digits and underscores, beginning with a letter, such as green_button."
            )
        )
    if field == "name" and not text:
        raise ValueError(gettext("Give it a name that people will recognise."))
    if field == "side" and text not in Side.values:
        raise ValueError(gettext("Must be one of: %(values)s.") % {"values": ", ".join(Side.values)})
    if field == "jira_issue" and text and not _JIRA_ISSUE.fullmatch(text):
        raise ValueError(gettext("Must be the key of an issue, such as PAY-17."))
    return text


def clean_tags(value: object) -> list[str]:
    """Each once, in lower case and in the order of the alphabet. Raises ValueError saying what is wrong."""
    if value is None:
        value = []
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        raise ValueError(gettext("Must be a list of texts."))
    tags = sorted({" ".join(str(tag).lower().split()) for tag in value} - {""})
    if len(tags) > MOST_TAGS:
        raise ValueError(
            gettext("Are %(found)s; at most %(most)s are possible.")
            % {"found": f"{len(tags):,}", "most": MOST_TAGS}
        )
    for tag in tags:
        message = unstorable_text(tag)
        if message:
            raise ValueError(f"{message[0].upper()}{message[1:]}.")
        if len(tag) > LONGEST_TAG or "," in tag:
            raise ValueError(
                gettext("“%(tag)s” is no tag: at most %(limit)s characters are possible, without commas.")
                % {"tag": tag[:LONGEST_TAG], "limit": LONGEST_TAG}
            )
    return tags


def _clean_managers(value: object) -> list[User]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ValueError(gettext("Must be a list of user names."))
    names = [str(name) for name in value]
    if any(unstorable_text(name) for name in names) or len(names) > 100:
        raise ValueError(gettext("Must be a list of at most 100 user names."))
    people = {person.username: person for person in User.objects.filter(username__in=names, is_active=True)}
    unknown = [name for name in names if name not in people]
    if unknown:
        raise ValueError(gettext("Nobody here is called %(names)s.") % {"names": ", ".join(unknown)[:200]})
    unable = [name for name in names if people[name].role not in {Role.SUPERUSER, Role.MANAGER}]
    if unable:
        raise ValueError(
            gettext("Only people with the role manager or superuser can manage a test: %(names)s cannot.")
            % {"names": ", ".join(unable)[:200]}
        )
    return [people[name] for name in dict.fromkeys(names)]


_CLEANERS: Final[Mapping[str, Callable[[object], object]]] = {"managers": _clean_managers, "tags": clean_tags}
