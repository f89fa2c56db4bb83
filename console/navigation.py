"""The pages that people choose from: the side bar, the search and the keys all read this one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Entry:
    """A page. `words` are what else people may call it; `key` is pressed after `g`; `roles` is empty for everybody."""

    label: StrOrPromise
    view: str
    icon: str
    words: str = ""
    key: str = ""
    roles: frozenset[Role] = frozenset()
    arguments: tuple[tuple[str, str], ...] = field(default=())

    @property
    def address(self) -> str:
        return _address(self.view, self.arguments)

    def is_for(self, person: User) -> bool:
        return not self.roles or person.role in self.roles


@cache
def _address(view: str, arguments: tuple[tuple[str, str], ...]) -> str:
    """Every page asks for all of them, several times."""
    return reverse(view, kwargs=dict(arguments))


@dataclass(frozen=True, slots=True)
class Section:
    """Pages that belong together; the first section has no title."""

    title: StrOrPromise
    entries: Sequence[Entry]


_SUPERUSERS: Final = frozenset({Role.SUPERUSER})
_MANAGERS: Final = frozenset({Role.SUPERUSER, Role.MANAGER})
_TESTS: Final = (("kind", "test"),)
_GROUPS: Final = (("kind", "group"),)

SECTIONS: Final = (
    Section(
        "",
        (
            Entry(_("Home"), "console:home", "home", "start to do alarms dashboard", "h"),
            Entry(_("Tests"), "console:test_list", "split", "split a/b experiments", "t"),
            Entry(_("User groups"), "experiments:group_list", "people", "segments audiences", "u"),
        ),
    ),
    Section(
        _("Planning"),
        (
            Entry(_("Calendar"), "console:calendar", "calendar", "gantt timeline dates planned", "c"),
            Entry(_("Overlap"), "console:overlap", "grid", "shared users heat map intersections", "o"),
            Entry(_("Capacity"), "experiments:capacity_page", "room", "free split groups room", "p"),
            Entry(_("Approvals"), "console:approval_list", "check", "approve start second person sign off"),
            Entry(_("Split groups"), "experiments:health_page", "pulse", "health evenly random", "s"),
        ),
    ),
    Section(
        _("Quality"),
        (
            Entry(_("Check a user"), "qa_tools:user_check", "check", "why explain variant debug", "k"),
            Entry(_("Forced users"), "qa_tools:forced_list", "person", "force qa override", "f"),
            Entry(_("Tests off"), "qa_tools:tests_off_list", "off", "switch off user device"),
            Entry(_("Hits nobody knows"), "analytics:unknown_list", "warn", "unknown typo"),
        ),
    ),
    Section(
        _("History"),
        (
            Entry(_("Changelog"), "experiments:entry_list", "history", "audit log changes who", "l"),
            Entry(_("Notifications"), "notifications:record", "bell", "mail chat jira sent", "m"),
        ),
    ),
    Section(
        _("Set-up"),
        (
            Entry(_("Filters"), "audience:filter_list", "funnel", "catalogue conditions attributes"),
            Entry(_("Texts"), "experiments:text_list", "text", "tokens words translations languages"),
            Entry(
                _("User loads"), "audience:load_list", "down", "import sources warehouse", roles=_SUPERUSERS
            ),
            Entry(
                _("Connections"),
                "notifications:connection_list",
                "plug",
                "chat slack matrix jira webhook",
                roles=_SUPERUSERS,
            ),
            Entry(_("Delivery status"), "delivery:server_list", "server", "app servers versions sdk", "a"),
            Entry(
                _("System health"), "console:system", "pulse", "workers queues beat disk", roles=_SUPERUSERS
            ),
            Entry(
                _("People and roles"),
                "console:person_list",
                "people",
                "users accounts colleagues rights",
                "r",
            ),
            Entry(_("API tokens"), "accounts:token_list", "key", "keys access"),
            Entry(_("Help"), "console:help", "book", "docs manual guide how to", "e"),
        ),
    ),
)
NEW: Final = (
    Entry(
        _("New test"),
        "experiments:experiment_create",
        "plus",
        "create draft",
        roles=_MANAGERS,
        arguments=_TESTS,
    ),
    Entry(
        _("New user group"),
        "experiments:experiment_create",
        "plus",
        "create",
        roles=_MANAGERS,
        arguments=_GROUPS,
    ),
    Entry(
        _("Your first test"),
        "console:first_test",
        "check",
        "guide tour tutorial begin learn",
        roles=_MANAGERS,
    ),
    Entry(
        _("My settings"), "accounts:mine", "person", "language time zone clock e-mail password profile", "y"
    ),
    Entry(_("My notifications"), "notifications:mine", "bell", "mute quiet hours settings"),
)
"""Pages that the search finds besides those of the side bar."""


def sections_for(person: User) -> list[Section]:
    """What this person may open, without sections that are empty for them."""
    found = [
        Section(section.title, [entry for entry in section.entries if entry.is_for(person)])
        for section in SECTIONS
    ]
    return [section for section in found if section.entries]


def pages_for(person: User) -> list[Entry]:
    """All pages that this person may open."""
    entries = [entry for section in SECTIONS for entry in section.entries]
    return [entry for entry in (*entries, *NEW) if entry.is_for(person)]


def present_entry(person: User, path: str) -> Entry | None:
    """The page of the side bar that `path` belongs to: the longest address it begins with."""
    found = [entry for section in sections_for(person) for entry in section.entries]
    inside = [entry for entry in found if path == entry.address or _is_below(path, entry.address)]
    return max(inside, key=lambda entry: len(entry.address), default=None)


def _is_below(path: str, address: str) -> bool:
    return address != "/" and path.startswith(address)
