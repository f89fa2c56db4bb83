"""The column that holds a user's split group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Model
from django.db.models.sql.compiler import SQLCompiler

from usersplit_sdk.model import SPLIT_GROUPS, draw_split_group

if TYPE_CHECKING:
    SmallInteger = models.SmallIntegerField[int, int]
else:
    SmallInteger = models.SmallIntegerField


class DrawnByDatabase(Func):
    """A split group drawn by the database: another one in every row, from its own generator."""

    def __init__(self) -> None:
        super().__init__(output_field=models.SmallIntegerField())

    def as_sql(self, *_: Any, **__: Any) -> Any:
        """MySQL's and MariaDB's words; the others' are below."""
        return f"1 + FLOOR(RAND() * {SPLIT_GROUPS})", []

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:
        """``random()`` is below 1."""
        return f"(1 + FLOOR(RANDOM() * {SPLIT_GROUPS}))::smallint", []

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:
        """``random()`` is any integer of 64 bits: the remainders are as even as 2400 in 2**64."""
        return f"1 + ABS(RANDOM() %% {SPLIT_GROUPS})", []

    def as_oracle(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:
        """``dbms_random.value`` is below its second argument."""
        return f"1 + FLOOR(DBMS_RANDOM.VALUE(0, {SPLIT_GROUPS}))", []


class SplitGroupField(SmallInteger):
    """A split group, 1..2400: drawn when a user is made, and never changed by anything here.

    Objects draw theirs from the system's entropy. The column has a default and a CHECK of its own, for rows that
    are inserted past Django and for those that are there already when the column is added: Django evaluates a
    ``default=draw_split_group`` once per migration, and would give every one of them the same number.
    """

    default_validators = [MinValueValidator(1), MaxValueValidator(SPLIT_GROUPS)]
    description = "A random number from 1 to 2400 that a user keeps for life"

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("editable", False)
        options["default"] = draw_split_group
        options["db_default"] = DrawnByDatabase()
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        """What every such field has stays out of migrations."""
        name, _, arguments, options = super().deconstruct()
        for own in ("default", "db_default"):
            options.pop(own, None)
        if options.get("editable") is False:
            del options["editable"]
        return name, "usersplit_sdk.integrations.django.SplitGroupField", arguments, options

    def get_internal_type(self) -> str:
        """A small integer to every backend."""
        return "SmallIntegerField"

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        """The column's CHECK, where the database has such."""
        if not connection.features.supports_column_check_constraints:
            return None
        column = connection.ops.quote_name(self.column or "")
        return f"{column} BETWEEN 1 AND {SPLIT_GROUPS}"

    def pre_save(self, model_instance: Model, add: bool) -> Any:
        """A new object without a number gets one; an old one is saved as it is."""
        if add and getattr(model_instance, self.attname) is None:
            setattr(model_instance, self.attname, draw_split_group())
        return super().pre_save(model_instance, add)
