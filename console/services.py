"""What people keep of the console: views of the test list, their first test. It is their own business, so the changelog says nothing of it."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext

from accounts.models import User
from console.list_wanted import query_of, read_wanted
from console.models import FirstTest, SavedView
from core import clock
from core.errors import InvalidInput, NotFound
from core.text import unstorable_text
from experiments.models import Experiment

MOST_VIEWS: Final = 30
LONGEST_NAME: Final = 60


def save_view(person: User, name: str, query: str) -> SavedView:
    """Keep what `query` (an address's part behind the ?) looks for under this name, in place of an older view of that name.

    Raises InvalidInput at `name`.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or unstorable_text(name):
        raise InvalidInput.at(
            "name", gettext("Give the view a name of at most %(n)s characters.") % {"n": LONGEST_NAME}
        )
    kept = query_of(read_wanted(QueryDict(query[:4_000])))
    with transaction.atomic():
        # Two windows of one person cannot go over the number together.
        User.objects.select_for_update().get(pk=person.pk)
        others = SavedView.objects.filter(person=person).exclude(name=name)
        if others.count() >= MOST_VIEWS:
            raise InvalidInput.at(
                "name", gettext("You keep %(n)s views; remove one first.") % {"n": MOST_VIEWS}
            )
        view, _ = SavedView.objects.update_or_create(person=person, name=name, defaults={"query": kept})
    return view


def remove_view(person: User, pk: int) -> None:
    """Raises NotFound for somebody else's too."""
    if pk >= 2**63 or not SavedView.objects.filter(person=person, pk=pk).delete()[0]:
        raise NotFound(gettext("There is no such view of yours."))


def follow_test(person: User, experiment: Experiment | None) -> None:
    """Be led through this test; without one, through the next that this person makes. Whoever had enough of it begins again."""
    FirstTest.objects.update_or_create(
        person=person,
        defaults={
            "experiment": experiment,
            "begun_at": clock.now(),
            "tried_at": None,
            "dismissed_at": None,
        },
    )


def say_tried(person: User, experiment: Experiment) -> None:
    """A check of a user leaves no trace, so whoever did one says so."""
    FirstTest.objects.update_or_create(
        person=person, defaults={"experiment": experiment, "tried_at": clock.now()}
    )


def dismiss_first_test(person: User, experiment: Experiment | None) -> None:
    """For good, on every device: the console speaks of it no more until it is asked to. The test that was followed stays known,
    so that its steps are still those of that test when they are opened again."""
    FirstTest.objects.update_or_create(
        person=person, defaults={"experiment": experiment, "dismissed_at": clock.now()}
    )
