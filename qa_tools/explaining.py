"""Decisions and profiles in plain words. No database here."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audience.describing import describe_predicate
from audience.specs import Catalogue
from usersplit_sdk import Decision, Reason

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_SENTENCES: Final[Mapping[Reason, StrOrPromise]] = {
    Reason.UNKNOWN_TEST: _("No such test is delivered."),
    Reason.INVALID_TEST_FILE: _("Its test file cannot be used."),
    Reason.WINNER: _("The test is finished, and this variant won."),
    Reason.REJECTED: _("The test is finished, and nobody gets a variant."),
    Reason.FORCED: _("QA put this user or device into the variant."),
    Reason.TESTS_OFF: _("All tests are off for this user or device."),
    Reason.PAUSED: _("The test is paused."),
    Reason.NOT_A_TEST_USER: _("The test is in dev, and this is not a test user."),
    Reason.OUTSIDE_DATES: _("It is not within the dates of the test."),
    Reason.CONDITIONS_NOT_MET: _("The conditions are not met."),
    Reason.NOT_SUPPORTED_BY_CLIENT: _(
        "The client has to take part, and did not say that it supports this test."
    ),
    Reason.NO_SPLIT_GROUP: _("The user has no split group."),
    Reason.SPLIT_GROUP_NOT_IN_TEST: _("No variant owns the user's split group."),
    Reason.ADDITIONAL_CONDITIONS_NOT_MET: _("The additional conditions in the code say no."),
    Reason.SPLIT: _("The variant owns the user's split group."),
}
_MOST_TEXT: Final = 300
_MOST_ITEMS: Final = 50
_INDEX: Final = re.compile(r"\[([0-9]+)\]", re.ASCII)


def explain_decision(decision: Decision, document: Mapping[str, Any] | None, catalogue: Catalogue) -> str:
    """One sentence, for failed conditions with the one that decided: “… not met: Country is Germany.”"""
    sentence = str(_SENTENCES[decision.reason])
    if decision.reason == Reason.INVALID_TEST_FILE and decision.detail:
        return gettext("Its test file cannot be used: %(why)s.") % {"why": decision.detail}
    if decision.reason != Reason.CONDITIONS_NOT_MET or document is None:
        return sentence
    predicate = predicate_at(document["conditions"], decision.detail or "")
    if predicate is None:
        return sentence
    words = gettext("The conditions are not met: it is not true that %(condition)s.")
    return words % {"condition": describe_predicate(predicate, catalogue)}


def predicate_at(conditions: object, path: str) -> Mapping[str, Any] | None:
    """The predicate at a path such as `conditions[2][0]`, None if there is none."""
    node = conditions
    for index in _INDEX.findall(path):
        if not isinstance(node, list) or int(index) >= len(node):
            return None
        node = node[int(index)]
    return node if isinstance(node, dict) else None


def readable_profile(attributes: Mapping[str, Any], catalogue: Catalogue) -> list[tuple[str, str]]:
    """(label, value) of everything known of a user, in the order and the words of the catalogue."""
    order = {name: place for place, name in enumerate(catalogue)}
    names = sorted(attributes, key=lambda name: (order.get(name, len(order)), name))
    return [(_label_of(name, catalogue), readable_value(name, attributes[name], catalogue)) for name in names]


def readable_value(name: str, value: object, catalogue: Catalogue) -> str:
    """A user's or request's value of a filter, in the words of the catalogue, cut to a bearable length."""
    spec = catalogue.get(name)
    if spec is not None and isinstance(value, (bool, int, float, str)):
        named = spec.label_of(value)
        if named is not None:
            return named
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, dt.datetime):
        # The warehouse's are naive, in UTC.
        aware = value.replace(tzinfo=value.tzinfo or dt.UTC)
        return f"{aware.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, (list, tuple)):
        return shorten(", ".join(map(str, value[:_MOST_ITEMS])) or gettext("an empty list"))
    return shorten(str(value))


def shorten(text: str) -> str:
    """The text, or its beginning."""
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def _label_of(name: str, catalogue: Catalogue) -> str:
    spec = catalogue.get(name)
    return spec.label if spec else name
