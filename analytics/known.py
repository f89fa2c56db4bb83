"""Which tests, settings groups and variants there are, for hits that name them."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

from django.db import connection

from accounts.actors import Actor
from analytics.models import UnknownHits
from experiments.selectors import hidden_keys

# A test's key, the number of its settings group, a variant's name.
Triple: TypeAlias = tuple[str, int, str]

_LOOK_UP: Final = """
SELECT asked.test, asked.number, asked.variant, experiment.id IS NOT NULL, groups.id, variant.id IS NOT NULL,
       experiment.status = 'draft'
FROM unnest(%s::text[], %s::int[], %s::text[]) AS asked (test, number, variant)
LEFT JOIN experiments_experiment AS experiment ON experiment.kind = 'test' AND experiment.key = asked.test
LEFT JOIN experiments_settingsgroup AS groups ON groups.experiment_id = experiment.id AND groups.number = asked.number
LEFT JOIN experiments_variant AS variant ON variant.settings_group_id = groups.id AND variant.name = asked.variant
"""


@dataclass(frozen=True, slots=True)
class Found:
    """`group_ids`: the settings group's id for each triple that exists. `unknown`: for the others, a `UnknownHits.Why`.

    `drafts`: those of both that are about a draft, which exists for its managers only.
    """

    group_ids: dict[Triple, int]
    unknown: dict[Triple, str]
    drafts: set[Triple]


def look_up(triples: Collection[Triple]) -> Found:
    """In one query, however many."""
    found = Found({}, {}, set())
    if not triples:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, [list(column) for column in zip(*triples, strict=True)])
        for test, number, variant, has_test, group_id, has_variant, is_draft in cursor.fetchall():
            triple = test, number, variant
            if is_draft:
                found.drafts.add(triple)
            if not has_test:
                found.unknown[triple] = UnknownHits.Why.TEST.value
            elif group_id is None:
                found.unknown[triple] = UnknownHits.Why.SETTINGS_GROUP.value
            elif not has_variant:
                found.unknown[triple] = UnknownHits.Why.VARIANT.value
            else:
                found.group_ids[triple] = group_id
    return found


class KnownTriples:
    """What this process has seen to exist. Settings groups never change, but the key of a draft may: after a minute it asks again."""

    SECONDS: Final = 60.0
    MOST: Final = 20_000

    def __init__(self) -> None:
        self._until: dict[Triple, float] = {}

    def unknown_of(self, triples: Collection[Triple], actor: Actor) -> dict[Triple, str]:
        """Those of `triples` that there are none of, each with a `UnknownHits.Why`. Drafts that are not the actor's do not exist."""
        now = time.monotonic()
        asked = [triple for triple in triples if self._until.get(triple, 0.0) < now]
        found = look_up(asked)
        known = found.group_ids.keys() - found.drafts
        if len(self._until) + len(known) > self.MOST:
            self.clear()
        self._until.update(dict.fromkeys(known, now + self.SECONDS))
        hidden = hidden_keys(actor, {test for test, _, _ in found.drafts})
        secret = [triple for triple in found.drafts if triple[0] in hidden]
        return found.unknown | dict.fromkeys(secret, UnknownHits.Why.TEST.value)

    def clear(self) -> None:
        """As in a new process."""
        self._until.clear()


known_triples: Final = KnownTriples()
