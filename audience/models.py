"""The filter catalogue's table."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from audience.specs import ChoiceValue
from core import clock

# Doubled underscores are kept for the columns that a warehouse derives (`app_version__key`).
NAME_PATTERN = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
RESERVED_NAMES = ("id", "split_group", "rowid")


class FilterKind(models.TextChoices):
    """What kind of value a filter looks at; the types of the contract."""

    BOOLEAN = "boolean", "Yes or no"
    INTEGER = "integer", "Whole number"
    NUMBER = "number", "Number"
    STRING = "string", "Text"
    DATE = "date", "Date"
    VERSION = "version", "Version"
    LIST = "list", "List of texts"


class FilterSource(models.TextChoices):
    """Where its value comes from."""

    USER = "user", "Profile of the user"
    ENVIRONMENT = "environment", "Environment of the request"


class ActiveFilterQuerySet(models.QuerySet["Filter"]):
    def offered(self) -> ActiveFilterQuerySet:
        """Those that new conditions may use."""
        return self.filter(archived=False)


class Filter(models.Model):
    """One thing that conditions can ask about a user or a request.

    `name`, `type` and `source` never change: stored and delivered conditions are typed by them.
    `choices` is a list of {"value", "label"}. `revision` grows with every change, for optimistic locking.
    """

    name = models.CharField(max_length=63, unique=True)
    label = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="")
    type = models.CharField(max_length=16, choices=FilterKind)
    source = models.CharField(max_length=16, choices=FilterSource, default=FilterSource.USER)
    operators = ArrayField(models.CharField(max_length=32))
    choices: models.JSONField[list[dict[str, ChoiceValue]], list[dict[str, ChoiceValue]]] = models.JSONField(
        default=list, blank=True
    )
    column = models.CharField(max_length=63, blank=True, default="")
    position = models.PositiveIntegerField(default=1000)
    archived = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    objects = ActiveFilterQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(name__regex=NAME_PATTERN) & ~Q(name__in=RESERVED_NAMES),
                name="audience_filter_name_form",
            ),
            models.CheckConstraint(condition=~Q(label=""), name="audience_filter_label_some"),
            models.CheckConstraint(
                condition=Q(type__in=FilterKind.values), name="audience_filter_type_known"
            ),
            models.CheckConstraint(
                condition=Q(source__in=FilterSource.values), name="audience_filter_source_known"
            ),
            models.CheckConstraint(condition=Q(operators__len__gt=0), name="audience_filter_operators_some"),
            models.CheckConstraint(
                condition=Q(column="") | (Q(column__regex=NAME_PATTERN) & ~Q(column__in=RESERVED_NAMES)),
                name="audience_filter_column_form",
            ),
        ]

    def __str__(self) -> str:
        return self.label
