"""The words in which the demo company's tests are told: steps, stories, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from experiments.lifecycle import Verb
from experiments.models import Kind


@dataclass(frozen=True, slots=True)
class Step:
    """`days` before today, `by` did this: a verb, or new settings. Those of a running test may still wait to be attached.

    Dates of settings are days after today, too: `starts_in`, `ends_in`.
    """

    days: float
    by: str
    verb: Verb | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    ending: Mapping[str, object] | None = None
    is_attached: bool = True


@dataclass(frozen=True, slots=True)
class Story:
    """One test or user group. The first step is the day it was created."""

    key: str
    properties: Mapping[str, object]
    steps: Sequence[Step]
    kind: str = Kind.TEST


@dataclass(frozen=True, slots=True)
class ForcedStory:
    """`days` before today, `by` put a user into a variant."""

    days: float
    by: str
    test: str
    variant: str
    environment: str
    user_id: str
    reason: str


def equals(name: str, value: object) -> dict[str, object]:
    """The condition that a filter has this value."""
    return {"filter": name, "operator": "eq", "value": value}


def one_of(name: str, *values: object) -> dict[str, object]:
    """The condition that a filter has one of these values."""
    return {"filter": name, "operator": "in", "value": list(values)}


def variants(
    *shares: tuple[str, str], payloads: Mapping[str, object] | None = None
) -> list[dict[str, object]]:
    """Variants of (name, percent); the one called control is the control."""
    payloads = payloads or {}
    return [
        {"name": name, "percent": percent, "is_control": name == "control", "payload": payloads.get(name, {})}
        for name, percent in shares
    ]


def settings(
    conditions: list[object], variants: list[dict[str, object]], **more: object
) -> dict[str, object]:
    """A settings group as the service takes it."""
    return {"conditions": conditions, "variants": variants, **more}


def life(by: str, settings: Mapping[str, object], *days: tuple[float, Verb], created: float) -> list[Step]:
    """Created and given settings on one day, then one verb after the other."""
    return [
        Step(created, by),
        Step(created - 0.01, by, settings=settings),
        *(Step(day, by, verb=verb) for day, verb in days),
    ]
