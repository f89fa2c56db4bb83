"""The search over everything that has a page: tests, user groups, people, pages, the help; only what the reader may know of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.db.models import Case, IntegerField, Q, Value, When
from django.urls import reverse
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import User
from console.help import find_help
from console.navigation import pages_for
from experiments.models import Experiment, Kind
from experiments.models.experiment import StatusChoices
from experiments.selectors import visible_experiments

SHOWN: Final = 8
# Most words are in some text of the help: it stands last, and not for long.
_HELP_SHOWN: Final = 4
_MOST_WORDS: Final = 10
# Ids of users are most often numbers, or words with numbers in them.
_LIKE_AN_ID: Final = re.compile(r"(?=\S*\d)\S{1,100}")


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the answer; `detail` stands behind it, `status` only of tests and user groups."""

    label: str
    detail: str
    address: str
    status: str = ""
    status_label: str = ""


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """What was found of one kind, the best first; `has_more` than are shown. `language` is that of the rows' words, where it is
    not the page's."""

    title: str
    rows: Sequence[Found]
    has_more: bool = False
    language: str = ""


def search(actor: Actor, text: str) -> list[FoundGroup]:
    """What has all words of `text` in it, without regard to case; pages alone for an empty text. Three queries."""
    words = text.split()[:_MOST_WORDS]
    groups = [_pages(actor, words)]
    if words:
        groups = [
            _experiments(actor, Kind.TEST, gettext("Tests"), words),
            _experiments(actor, Kind.GROUP, gettext("User groups"), words),
            _people(words),
            *groups,
        ]
    if _LIKE_AN_ID.fullmatch(text):
        address = f"{reverse('qa_tools:user_check')}?{urlencode({'user_id': text})}"
        groups.append(
            FoundGroup(
                gettext("Users"),
                [
                    Found(
                        gettext("Check user “%(id)s”") % {"id": text},
                        gettext("what they see, and why"),
                        address,
                    )
                ],
            )
        )
    if words:
        groups.append(_help(words))
    return [group for group in groups if group.rows]


def _experiments(actor: Actor, kind: str, title: str, words: Sequence[str]) -> FoundGroup:
    """Those called so come first, then those whose key or name begins so."""
    rows = visible_experiments(actor, kind)
    for word in words:
        rows = rows.filter(
            Q(key__icontains=word)
            | Q(name__icontains=word)
            | Q(area__icontains=word)
            | Q(jira_issue__icontains=word)
        )
    text = " ".join(words)
    rank = Case(
        When(key__iexact=text, then=Value(0)),
        When(Q(key__istartswith=text) | Q(name__istartswith=text), then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    found = list(rows.only("key", "name", "area", "status").order_by(rank, "-id")[: SHOWN + 1])
    return FoundGroup(title, [_experiment(one, kind) for one in found[:SHOWN]], len(found) > SHOWN)


def _experiment(one: Experiment, kind: str) -> Found:
    address = reverse("experiments:experiment_page", kwargs={"kind": kind, "key": one.key})
    return Found(
        one.name,
        " · ".join(part for part in (one.key, one.area) if part),
        address,
        one.status,
        str(StatusChoices(one.status).label),
    )


def _people(words: Sequence[str]) -> FoundGroup:
    """Managers lead to their tests, others to what they did."""
    rows = User.objects.filter(is_active=True)
    for word in words:
        rows = rows.filter(
            Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        )
    found = list(rows.order_by("first_name", "last_name", "username")[: SHOWN + 1])
    return FoundGroup(gettext("People"), [_person(one) for one in found[:SHOWN]], len(found) > SHOWN)


def _person(person: User) -> Found:
    role = str(person.get_role_display()).lower() if person.role != "qa" else "QA"
    if person.may_manage:
        address = reverse("console:test_list")
        return Found(
            str(person),
            gettext("%(role)s: tests they manage") % {"role": role},
            f"{address}?{urlencode({'manager': person.username})}",
        )
    address = reverse("experiments:entry_list")
    return Found(
        str(person),
        gettext("%(role)s: what they did") % {"role": role},
        f"{address}?{urlencode({'person': person.username})}",
    )


def _pages(actor: Actor, words: Sequence[str]) -> FoundGroup:
    assert actor.user is not None
    wanted = [word.lower() for word in words]
    rows = [
        Found(str(entry.label), gettext("page"), entry.address)
        for entry in pages_for(actor.user)
        if all(word in f"{entry.label} {entry.words}".lower() for word in wanted)
    ]
    return FoundGroup(
        gettext("Pages"), rows if not words else rows[:SHOWN], bool(words) and len(rows) > SHOWN
    )


def _help(words: Sequence[str]) -> FoundGroup:
    found = find_help([word.lower() for word in words], _HELP_SHOWN + 1)
    rows = [
        Found(
            page.title, part.words if part.anchor else "", page.address + (part.anchor and f"#{part.anchor}")
        )
        for page, part in found[:_HELP_SHOWN]
    ]
    return FoundGroup(gettext("Help"), rows, len(found) > _HELP_SHOWN, language="en")
