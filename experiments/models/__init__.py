"""Rows of tests and user groups. What was prepared is never changed again: the database refuses it."""

from experiments.models.app_text import AppText
from experiments.models.approval import StartApproval
from experiments.models.audience import AudienceCount, CountedTable, Draw, RecountRequest
from experiments.models.experiment import Experiment, Kind, Outcome, Scope, Side
from experiments.models.health import HealthCheck, HealthVerdict
from experiments.models.qa import Environment, ForcedUser, TestsOff
from experiments.models.settings_group import (
    DrawObjective,
    Preparation,
    PreparationState,
    SettingsGroup,
    Variant,
)

__all__ = [
    "AppText",
    "AudienceCount",
    "CountedTable",
    "Draw",
    "DrawObjective",
    "Environment",
    "Experiment",
    "ForcedUser",
    "HealthCheck",
    "HealthVerdict",
    "Kind",
    "Outcome",
    "Preparation",
    "PreparationState",
    "RecountRequest",
    "Scope",
    "SettingsGroup",
    "Side",
    "StartApproval",
    "TestsOff",
    "Variant",
]
