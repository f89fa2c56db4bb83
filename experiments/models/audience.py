"""What a preparation found: who owns which split group, and how many users that is. Inserted once, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core import clock
from core.protection import insert_only, never_truncated
from experiments.compact_counts import Counted, pack_counts, unpack_counts
from experiments.models.settings_group import DrawObjective, SettingsGroup
from experiments.percents import SPLIT_GROUPS

COUNTS_KEPT: Final = 5
"""So many counts of a settings group are kept, the newest, besides the one it was drawn with. The trigger knows the number too."""

_KEPT = """
    IF EXISTS (SELECT 1 FROM experiments_draw WHERE count_id = OLD.id) OR NOT EXISTS (
        SELECT 1 FROM experiments_audiencecount WHERE settings_group_id = OLD.settings_group_id AND id > OLD.id
        OFFSET 4
    ) THEN
        RAISE EXCEPTION 'the count that something was drawn with and the newest ones are kept';
    END IF;
    RETURN OLD;
"""


@dataclass(frozen=True, slots=True, eq=False)
class CountedTable:
    """A count, read: users per split group (int64[2400]) and, row by row, those shared with each other settings group.

    `not_counted[k]` names the filters of the k-th other that were taken as met, so that its numbers are upper bounds.
    """

    users: npt.NDArray[np.int64]
    others: tuple[int, ...]
    shared: Counted
    not_counted: tuple[tuple[str, ...], ...]

    def with_other(self, settings_group_id: int) -> npt.NDArray[np.int64]:
        """Users shared with this settings group, int64[2400]. Raises ValueError when it was not counted with it."""
        row: npt.NDArray[np.int64] = self.shared[self.others.index(settings_group_id)].astype(np.int64)
        return row


class AudienceCount(models.Model):
    """Users who meet the conditions, and those who meet another settings group's too, per split group, at one moment.

    A recount adds another; the latest is shown. What a draw was made with is kept for good, of the others the newest few.
    """

    settings_group = models.ForeignKey(SettingsGroup, on_delete=models.PROTECT, related_name="counts")
    users = ArrayField(models.IntegerField())
    not_counted = ArrayField(
        models.CharField(max_length=64), default=list, help_text="Filters the warehouse does not have."
    )
    others = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="The settings groups it was counted with, row by row.",
    )
    others_not_counted = models.JSONField(
        default=dict, help_text="Filters of the others that were taken as met: settings group → names."
    )
    finished_others = ArrayField(
        models.BigIntegerField(), default=list, help_text="Those of the others that had ended shortly before."
    )
    shared = models.BinaryField(help_text="See experiments.compact_counts.")
    warehouse_version = models.CharField(max_length=100)
    counted_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(users__len=SPLIT_GROUPS), name="experiments_audiencecount_all_groups"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="immutable", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="kept_while_needed",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                func=_KEPT,
            ),
            *never_truncated(),
        ]

    def __str__(self) -> str:
        return f"count of {self.settings_group} at {self.counted_at}"

    def table(self) -> CountedTable:
        """Everything that was counted, as arrays."""
        return CountedTable(
            np.asarray(self.users, dtype=np.int64),
            tuple(self.others),
            unpack_counts(bytes(self.shared)),
            tuple(tuple(self.others_not_counted.get(str(other), ())) for other in self.others),
        )

    @classmethod
    def packed(
        cls, shared: Mapping[int, tuple[npt.NDArray[np.int64], Sequence[str]]], **fields: object
    ) -> AudienceCount:
        """A count, not saved yet, with the users shared with other settings groups (by id) and their filters taken as met."""
        rows = [users for users, _ in shared.values()]
        return cls(
            others=list(shared),
            others_not_counted={str(other): list(names) for other, (_, names) in shared.items() if names},
            shared=pack_counts(np.array(rows, dtype=np.int64).reshape(len(rows), SPLIT_GROUPS)),
            **fields,
        )


class Draw(models.Model):
    """The draw of one settings group. `owners[i]` is the position of the variant that owns split group i + 1; 0 is nobody.

    One array, so that no split group can have two owners.
    """

    settings_group = models.OneToOneField(SettingsGroup, on_delete=models.PROTECT, related_name="drawn")
    count = models.OneToOneField(
        AudienceCount, on_delete=models.PROTECT, related_name="draw", help_text="What it was drawn with."
    )
    previous = models.ForeignKey(
        SettingsGroup,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The settings whose variants kept what they could.",
    )
    owners = ArrayField(models.SmallIntegerField())
    objective = models.CharField(max_length=32, choices=DrawObjective)
    seed = models.BigIntegerField()
    log = models.JSONField(
        help_text="Why which split groups were drawn; with the seed and the count enough to repeat the draw."
    )
    drawn_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(owners__len=SPLIT_GROUPS), name="experiments_draw_all_groups"),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"draw of {self.settings_group}"


class RecountRequest(models.Model):
    """Somebody (or the night) wants a settings group counted again. The row is there until it is done, whatever happens to the
    broker or a worker; one that was given up stays with its error until it is asked for anew."""

    settings_group = models.OneToOneField(
        SettingsGroup, on_delete=models.PROTECT, related_name="recount_request"
    )
    requested_at = models.DateTimeField(default=clock.now)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, help_text="Not before this moment, after a failed attempt.")
    given_up = models.BooleanField(default=False)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"recount of {self.settings_group}"
