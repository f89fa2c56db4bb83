"""Tags for many tests at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db import transaction
from django.utils.translation import gettext

from accounts.actors import Actor
from changelog.models import Verb
from changelog.services import Change
from core.errors import InvalidInput
from experiments.models import Experiment
from experiments.services.ground import note, require_acting
from experiments.services.properties import as_text
from experiments.services.property_rules import LABELS, clean_tags


def tag_experiments(
    actor: Actor, ids: Collection[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> int:
    """Give these tests (or user groups) the tags of `add` and take those of `remove` from them; how many that changed.

    All or none: raises NotAllowed (NotFound for somebody else's draft) when one of them is not the actor's to change,
    InvalidInput at `add`, `remove` or, when a test would have too many, at `tags`.
    """
    added, removed = _clean("add", add), _clean("remove", remove)
    changed = 0
    with transaction.atomic():
        # In one order, so that two who tag the same tests wait for each other instead of forever.
        rows = Experiment.objects.select_for_update().filter(pk__in=ids).order_by("pk")
        for row in rows.prefetch_related("managers"):
            require_acting(actor, row)
            try:
                tags = clean_tags([*(set(row.tags) - set(removed)), *added])
            except ValueError as error:
                raise InvalidInput.at(
                    "tags", gettext("The tags of “%(key)s”: %(problem)s") % {"key": row.key, "problem": error}
                ) from error
            if tags == row.tags:
                continue
            change = Change("tags", LABELS["tags"], as_text(row.tags), as_text(tags))
            row.tags, row.revision = tags, row.revision + 1
            row.save(update_fields=["tags", "revision"])
            note(actor, Verb.EDIT, row, "Changed tags", [change])
            changed += 1
    return changed


def _clean(field: str, tags: Iterable[str]) -> list[str]:
    try:
        return clean_tags(list(tags))
    except ValueError as error:
        raise InvalidInput.at(field, str(error)) from error
