"""What a draft or a test in dev still needs before publish and before start: the rules, over facts that were read elsewhere.

What blocks is what the services refuse; the verbs' requirements come from there. Everything else is advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.lifecycle import Requirement, Status, Verb, next_status

_WRITTEN: Final = (
    ("hypothesis", _("The hypothesis is written down")),
    ("metric", _("What is measured is written down")),
    ("success", _("What counts as success is written down")),
)


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing to do. `card` is the fragment of the page where it is done, empty while there is none; advice blocks nothing."""

    text: str
    done: bool
    card: str = ""
    is_advice: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """What one verb needs."""

    verb: Verb
    items: list[CheckItem]

    @property
    def missing(self) -> int:
        """How many things stand in the way; advice does not."""
        return sum(not item.done and not item.is_advice for item in self.items)


@dataclass(frozen=True, slots=True)
class Newest:
    """The settings that were made last, prepared or not."""

    number: int
    is_ready: bool
    has_failed: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one test. `met` says of each verb's requirements whether they are met, as the services see it.

    `users` are those who meet the conditions of the current settings, `variant_users` those who get a variant; None: nobody counted.
    `ended` is the day on which its dates ended, as the reader's calendar has it; "" while they are not over.
    """

    status: Status
    is_test: bool
    met: Mapping[Verb, Mapping[Requirement, bool]]
    newest: Newest | None
    current: int | None
    users: int | None
    variant_users: int | None
    ended: str
    managers: int
    written: frozenset[str]


def checklist(known: Known) -> list[Section]:
    """Before publish, for a draft, and before start; nothing from the start on. What publish asks is not asked again at start."""
    if known.status not in {Status.DRAFT, Status.DEV}:
        return []
    sections = []
    if next_status(known.status, Verb.PUBLISH) is not None:
        sections.append(Section(Verb.PUBLISH, [*_settings(known, Verb.PUBLISH), *_people(known)]))
        start = [CheckItem(gettext("Published to dev, where test users can try it"), False, "verbs")]
    else:
        start = [*_settings(known, Verb.START), *_people(known)]
    sections.append(
        Section(Verb.START, [*start, *_share(known), *_reach(known), *_dates(known), *_word(known)])
    )
    return sections


def _settings(known: Known, verb: Verb) -> list[CheckItem]:
    newest = known.newest
    is_prepared = known.met[verb][Requirement.PREPARED]
    items = [
        CheckItem(
            gettext("Settings are saved: dates, who takes part, variants")
            if known.is_test
            else gettext("Settings are saved: dates, who is in the group"),
            newest is not None,
            "settings",
        ),
        CheckItem(_prepared_text(known, is_prepared=is_prepared), is_prepared, "settings"),
    ]
    if is_prepared and newest is not None and newest.number != known.current:
        text = _waiting_text(newest) % {"number": newest.number, "current": known.current}
        items.append(CheckItem(text, False, "settings", is_advice=True))
    return items


def _waiting_text(newest: Newest) -> str:
    if newest.has_failed:
        return gettext("Settings %(number)s could not be prepared; %(current)s apply")
    if newest.is_ready:
        return gettext("Settings %(number)s are prepared, but not attached yet; %(current)s apply")
    return gettext("Settings %(number)s are still being prepared; %(current)s apply")


def _prepared_text(known: Known, *, is_prepared: bool) -> str:
    if is_prepared:
        return gettext("Settings %(number)s are prepared") % {"number": known.current}
    if known.newest is None:
        if known.is_test:
            return gettext("They are prepared: users are counted and split groups drawn")
        return gettext("They are prepared: users are counted")
    if known.newest.has_failed:
        told = gettext("Settings %(number)s could not be prepared: change them or try again")
    else:
        told = gettext("Settings %(number)s are being prepared")
    return told % {"number": known.newest.number}


def _people(known: Known) -> list[CheckItem]:
    managers = CheckItem(gettext("Somebody manages it"), known.managers > 0, "properties", is_advice=True)
    if not known.is_test:
        return [managers]
    return [
        managers,
        *(
            CheckItem(str(text), field in known.written, "properties", is_advice=True)
            for field, text in _WRITTEN
        ),
    ]


def _share(known: Known) -> list[CheckItem]:
    met = known.met[Verb.START].get(Requirement.SHARE)
    if met is None:
        return []
    return [CheckItem(gettext("The variants have a share of the users"), met, "settings")]


def _reach(known: Known) -> list[CheckItem]:
    if known.users is None:
        return [CheckItem(gettext("Its audience is counted"), False, "audience", is_advice=True)]
    if not known.users:
        return [
            CheckItem(gettext("Nobody meets its conditions at present"), False, "audience", is_advice=True)
        ]
    if known.is_test and not known.variant_users:
        text = gettext("Nobody gets a variant at present, of %(users)s users")
        return [CheckItem(text % {"users": f"{known.users:,}"}, False, "audience", is_advice=True)]
    text = gettext("Its audience is counted: %(users)s users") % {"users": f"{known.users:,}"}
    return [CheckItem(text, True, "audience", is_advice=True)]


def _dates(known: Known) -> list[CheckItem]:
    if known.current is None:
        return []
    if not known.ended:
        return [CheckItem(gettext("Its dates are not over"), True, "settings", is_advice=True)]
    text = gettext("Its dates ended on %(day)s") % {"day": known.ended}
    return [CheckItem(text, False, "settings", is_advice=True)]


def _word(known: Known) -> list[CheckItem]:
    met = known.met[Verb.START].get(Requirement.APPROVAL)
    if met is None:
        return []
    can_be_asked = known.status == Status.DEV and known.current is not None
    return [
        CheckItem(gettext("A second person has approved the start"), met, "approval" if can_be_asked else "")
    ]
