"""Hits for what does not exist: what may have been meant, and letting one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import Role
from analytics.models import UnknownHits
from analytics.near_names import near_names
from analytics.selectors import unknown_hits
from changelog.models import SubjectKind, Verb
from changelog.services import record
from core.errors import NotAllowed, NotFound
from experiments.models import Experiment, Kind
from experiments.selectors import visible_experiments

DISMISSING: Final = frozenset({Role.SUPERUSER, Role.MANAGER, Role.DEVELOPER})
_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class Unknown:
    """Hits of one kind, and what there is instead: `near` are names most like the wrong one, `known` all there are (the first
    few). `test` is the test if there is one, as far as this person may know."""

    row: UnknownHits
    test: Experiment | None
    near: list[str]
    known: list[str]


def explained(actor: Actor, rows: Sequence[UnknownHits]) -> list[Unknown]:
    """With what may have been meant, out of what this actor may know. Three queries, however many rows."""
    visible = visible_experiments(actor, Kind.TEST)
    keys = list(visible.values_list("key", flat=True)) if any(_is_test(row) for row in rows) else []
    named = {row.test for row in rows if not _is_test(row)}
    tests = {
        test.key: test for test in visible.filter(key__in=named).prefetch_related("settings_groups__variants")
    }
    # One wrong key comes in many rows, and looking through thousands of right ones takes a while.
    near = {wrong: near_names(wrong, keys) for wrong in {row.test for row in rows if _is_test(row)}}
    return [_explained(row, near.get(row.test, []), tests.get(row.test)) for row in rows]


def _is_test(row: UnknownHits) -> bool:
    return row.why == UnknownHits.Why.TEST


def _explained(row: UnknownHits, near: list[str], test: Experiment | None) -> Unknown:
    if _is_test(row):
        return Unknown(row, None, near, [])
    if test is None:
        return Unknown(row, None, [], [])
    groups = {group.number: group for group in test.settings_groups.all()}
    if row.why == UnknownHits.Why.SETTINGS_GROUP or row.settings_group not in groups:
        return Unknown(row, test, [], [str(number) for number in sorted(groups)[-_MOST_NAMES:]])
    names = [variant.name for variant in groups[row.settings_group].variants.all()]
    return Unknown(row, test, near_names(row.variant, names), names[:_MOST_NAMES])


def may_dismiss(actor: Actor) -> bool:
    """Viewers and QA only look."""
    return actor.user is None or actor.role in DISMISSING


def dismiss(actor: Actor, unknown_id: int) -> UnknownHits:
    """Take these hits off the list; the next one of their kind begins anew. Raises NotAllowed, or NotFound when they are gone."""
    if not may_dismiss(actor):
        raise NotAllowed(gettext("Only superusers, managers and developers dismiss hits that nobody knows."))
    with transaction.atomic():
        row = unknown_hits(actor).select_for_update().filter(pk=unknown_id).first()
        if row is None:
            raise NotFound(
                gettext(
                    "These hits are not on the list any more; perhaps somebody dismissed them a moment ago."
                )
            )
        about = Experiment.objects.tests().filter(key=row.test).values_list("pk", flat=True).first()
        with translation.override("en"):
            told = in_words(row)
        record(
            actor,
            Verb.DISMISS,
            SubjectKind.TEST,
            row.test,
            f"Dismissed {row.hits:,} hit{'s' if row.hits != 1 else ''} that nobody knows: {told}.",
            subject_id=about,
        )
        row.delete()
    return row


def in_words(row: UnknownHits) -> str:
    """What the hits were for."""
    return gettext("test “%(test)s”, settings %(number)s, variant “%(variant)s” in %(environment)s") % {
        "test": row.test,
        "number": row.settings_group,
        "variant": row.variant,
        "environment": row.environment,
    }
