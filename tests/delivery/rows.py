"""Rows from a test file: the way back, so that any test file can be asked of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime

from experiments.models import (
    AudienceCount,
    Draw,
    DrawObjective,
    Experiment,
    ForcedUser,
    SettingsGroup,
    TestsOff,
    Variant,
)
from experiments.percents import SPLIT_GROUPS

# The lifecycle's trigger lets nobody jump.
_WAY_TO = {
    "dev": ["dev"],
    "running": ["dev", "running"],
    "paused": ["dev", "running", "paused"],
    "finished": ["dev", "finished"],
}


def insert_document(document: Mapping[str, Any]) -> Experiment:
    """Insert the test or user group that this file describes, in the status that it names."""
    experiment = Experiment.objects.create(
        kind=document["kind"], key=document["key"], name=document["key"], side=document.get("side", "server")
    )
    settings_group = SettingsGroup.objects.create(
        experiment=experiment,
        number=document["settings_group"],
        starts_at=parse_datetime(document["starts_at"]) if document["starts_at"] else None,
        ends_at=parse_datetime(document["ends_at"]) if document["ends_at"] else None,
        conditions=document["conditions"],
        tokens=document.get("tokens", {}),
    )
    if document["kind"] == "test":
        _insert_variants(settings_group, document)
    for forced in document.get("forced", []):
        ForcedUser.objects.create(experiment=experiment, **forced)
    *before, last = _WAY_TO[document["status"]]
    for status in before:
        Experiment.objects.filter(pk=experiment.pk).update(status=status, current=settings_group)
    outcome = representable(document).get("outcome") or {}
    Experiment.objects.filter(pk=experiment.pk).update(
        status=last,
        current=settings_group,
        outcome=outcome.get("result", ""),
        winner=settings_group.variants.filter(name=outcome.get("variant")).first(),
        scope=outcome.get("scope", ""),
    )
    return Experiment.objects.get(pk=experiment.pk)


def representable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what rows cannot hold: an outcome of a test that is not finished."""
    return dict(document) if document["status"] == "finished" else {**document, "outcome": None}


def insert_tests_off(tests_off: Mapping[str, Any] | None) -> None:
    """The people of a manifest's `tests_off`."""
    for user_id in (tests_off or {}).get("user_ids", []):
        TestsOff.objects.create(user_id=user_id)
    for device_id in (tests_off or {}).get("device_ids", []):
        TestsOff.objects.create(device_id=device_id)


def _insert_variants(settings_group: SettingsGroup, document: Mapping[str, Any]) -> None:
    owners = [0] * SPLIT_GROUPS
    for position, variant in enumerate(document["variants"], start=1):
        for first, last in variant["split_groups"]:
            owners[first - 1 : last] = [position] * (last - first + 1)
        Variant.objects.create(
            settings_group=settings_group,
            position=position,
            name=variant["name"],
            split_group_count=owners.count(position),
            is_control=variant["name"] == document["control"],
            payload=variant.get("payload", {}),
        )
    count = AudienceCount.packed(
        {}, settings_group=settings_group, users=[0] * SPLIT_GROUPS, warehouse_version="empty"
    )
    count.save()
    Draw.objects.create(
        settings_group=settings_group,
        count=count,
        owners=owners,
        objective=DrawObjective.RANDOM,
        seed=1,
        log={},
    )
