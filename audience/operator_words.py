"""Operators in the language of who reads: what a form offers, and the sentence of one condition.

Each sentence is one pattern with named holes, as languages put what is compared, how and with what in different orders.
In English the words are those of the SDK's table of operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

LABELS: Final[Mapping[str, Promise]] = {
    "eq": pgettext_lazy("operator", "is"),
    "neq": pgettext_lazy("operator", "is not"),
    "in": pgettext_lazy("operator", "is one of"),
    "not_in": pgettext_lazy("operator", "is none of"),
    "gt": pgettext_lazy("operator", "is greater than"),
    "gte": pgettext_lazy("operator", "is at least"),
    "lt": pgettext_lazy("operator", "is less than"),
    "lte": pgettext_lazy("operator", "is at most"),
    "between": pgettext_lazy("operator", "is between"),
    "contains": pgettext_lazy("operator", "contains"),
    "starts_with": pgettext_lazy("operator", "starts with"),
    "ends_with": pgettext_lazy("operator", "ends with"),
    "matches": pgettext_lazy("operator", "matches the pattern"),
    "version_eq": pgettext_lazy("operator", "is version"),
    "version_gt": pgettext_lazy("operator", "is later than version"),
    "version_gte": pgettext_lazy("operator", "is at least version"),
    "version_lt": pgettext_lazy("operator", "is earlier than version"),
    "version_lte": pgettext_lazy("operator", "is at most version"),
    "within_days": pgettext_lazy("operator", "is within the last days"),
    "older_than_days": pgettext_lazy("operator", "is longer ago than days"),
    "has": pgettext_lazy("operator", "has"),
    "has_any": pgettext_lazy("operator", "has any of"),
    "has_none": pgettext_lazy("operator", "has none of"),
    "is_set": pgettext_lazy("operator", "is set"),
    "is_not_set": pgettext_lazy("operator", "is not set"),
}
"""What each is called in a list of operators."""

BEFORE_A_NUMBER: Final[Mapping[str, Promise]] = {
    "within_days": pgettext_lazy("operator, before a number of days", "is within the last"),
    "older_than_days": pgettext_lazy("operator, before a number of days", "is longer ago than"),
}
"""What those are called beside a field for the number that has "days" behind it."""

_SENTENCES: Final[Mapping[str, Promise]] = {
    "eq": _("%(filter)s is %(value)s"),
    "neq": _("%(filter)s is not %(value)s"),
    "in": _("%(filter)s is one of %(value)s"),
    "not_in": _("%(filter)s is none of %(value)s"),
    "gt": _("%(filter)s is greater than %(value)s"),
    "gte": _("%(filter)s is at least %(value)s"),
    "lt": _("%(filter)s is less than %(value)s"),
    "lte": _("%(filter)s is at most %(value)s"),
    "between": _("%(filter)s is between %(least)s and %(greatest)s"),
    "contains": _("%(filter)s contains %(value)s"),
    "starts_with": _("%(filter)s starts with %(value)s"),
    "ends_with": _("%(filter)s ends with %(value)s"),
    "matches": _("%(filter)s matches the pattern %(value)s"),
    "version_eq": _("%(filter)s is version %(value)s"),
    "version_gt": _("%(filter)s is later than version %(value)s"),
    "version_gte": _("%(filter)s is at least version %(value)s"),
    "version_lt": _("%(filter)s is earlier than version %(value)s"),
    "version_lte": _("%(filter)s is at most version %(value)s"),
    "has": _("%(filter)s has %(value)s"),
    "has_any": _("%(filter)s has any of %(value)s"),
    "has_none": _("%(filter)s has none of %(value)s"),
    "is_set": _("%(filter)s is set"),
    "is_not_set": _("%(filter)s is not set"),
}


def label_of(operator: str) -> str:
    """What an operator is called in a list of operators."""
    return str(LABELS[operator])


def sentence(operator: str, **parts: str) -> str:
    """One condition: `filter` and, as the operator takes them, `value`, or `least` and `greatest`."""
    return str(_SENTENCES[operator]) % parts


def sentence_of_days(operator: str, filter_label: str, days: object) -> str:
    """One condition about how long ago a date is. `days` is what is stored: a number, unless somebody stored nonsense."""
    number = days if isinstance(days, int) else 2
    if operator == "within_days":
        pattern = ngettext(
            "%(filter)s is within the last %(days)s day",
            "%(filter)s is within the last %(days)s days",
            number,
        )
    else:
        pattern = ngettext(
            "%(filter)s is longer ago than %(days)s day",
            "%(filter)s is longer ago than %(days)s days",
            number,
        )
    return pattern % {"filter": filter_label, "days": days}


def listed(names: list[str], more: int) -> str:
    """Values one after the other; `more` are not named."""
    found = gettext(", ").join(names)
    return gettext("%(values)s and %(more)s more") % {"values": found, "more": f"{more:,}"} if more else found
