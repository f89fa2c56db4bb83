"""Giving a split group to users who were there before."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from usersplit_sdk.integrations.django.fields import DrawnByDatabase


class BackfillSplitGroups(Operation):
    """Draws a split group for every row that has none, a batch at a time and each row its own.

    For tables too large to be rewritten under a lock, between a nullable column and the field itself, in a migration
    with ``atomic = False``: each batch is a short transaction, and a migration that was interrupted goes on where
    it stopped. Backward it does nothing: numbers that users have had are kept.
    """

    reversible = True
    reduces_to_sql = False

    def __init__(self, model_name: str, field: str = "split_group", batch_size: int = 10_000) -> None:
        self.model_name = model_name
        self.field = field
        self.batch_size = batch_size

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """For squashed migrations."""
        options = {"model_name": self.model_name, "field": self.field, "batch_size": self.batch_size}
        return self.__class__.__name__, [], options

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Rows are no part of the state."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Walk the rows without a number in the order of their key."""
        model = to_state.apps.get_model(app_label, self.model_name)
        alias = schema_editor.connection.alias
        if not self.allow_migrate_model(alias, model):
            return
        missing = model._base_manager.using(alias).filter(**{f"{self.field}__isnull": True}).order_by("pk")  # noqa: SLF001
        keys = list(missing.values_list("pk", flat=True)[: self.batch_size])
        while keys:
            missing.filter(pk__gte=keys[0], pk__lte=keys[-1]).order_by().update(
                **{self.field: DrawnByDatabase()}
            )
            keys = list(missing.filter(pk__gt=keys[-1]).values_list("pk", flat=True)[: self.batch_size])

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Nothing to undo."""

    def describe(self) -> str:
        """What ``migrate --plan`` shows."""
        return f"Draw {self.field} for rows of {self.model_name} that have none"
