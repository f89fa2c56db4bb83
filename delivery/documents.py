"""Rows → test files, as the contract describes them. Everything that is not a draft has one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db.models import Prefetch, Q

from delivery.formats import FORMAT, utc_text
from experiments.models import Experiment, ForcedUser, Outcome, TestsOff, Variant
from usersplit_sdk import InvalidDocument

Document = dict[str, Any]


def delivered_experiments(moment: dt.datetime) -> Iterator[Experiment]:
    """Tests and user groups that have a file, with all that it holds, in three queries however many there are."""
    variants = Prefetch("current__variants", Variant.objects.order_by("position"))
    forced = Prefetch("forced_users", ForcedUser.objects.filter(_in_force(moment)).order_by("pk"))
    rows = (
        Experiment.objects.delivered()
        .select_related("current__drawn", "winner")
        .prefetch_related(variants, forced)
    )
    # Descriptions and the records of draws may be long and are in no file.
    unused = ("description", "hypothesis", "metric", "success", "conclusion", "current__drawn__log")
    yield from rows.defer(*unused).order_by("kind", "key")


def document_states(moment: dt.datetime) -> tuple[object, ...]:
    """What all files and the tests-off document depend on and can still change: settings groups, draws and variants never do.

    Two that are equal stand for the same files, at a hundredth of the cost of building these.
    """
    states = Experiment.objects.delivered().order_by("pk")
    forced = ForcedUser.objects.filter(_in_force(moment)).order_by("pk")
    return (
        *states.values_list("pk", "key", "status", "side", "current", "outcome", "winner", "scope"),
        *forced.values_list("pk", "experiment", "variant", "user_id", "device_id", "environment"),
        tests_off_document(moment),
    )


def build_document(experiment: Experiment) -> Document:
    """The test file of a row from `delivered_experiments`.

    Raises InvalidDocument if rows are missing that it needs; whether the content can be used is for the SDK to say.
    """
    settings_group = experiment.current
    if settings_group is None:
        raise InvalidDocument("settings_group", "there is no current settings group")
    document: Document = {
        "format": FORMAT,
        "kind": experiment.kind,
        "key": experiment.key,
        "status": experiment.status,
        "side": experiment.side,
        "settings_group": settings_group.number,
        "starts_at": utc_text(settings_group.starts_at),
        "ends_at": utc_text(settings_group.ends_at),
        "conditions": settings_group.conditions,
        "forced": [],
    }
    if not experiment.is_test:
        return document
    variants = list(settings_group.variants.all())
    names = {variant.name for variant in variants}
    ranges = _ranges_of(experiment)
    return document | {
        "control": next((variant.name for variant in variants if variant.is_control), None),
        "variants": [_variant(variant, ranges.get(variant.position, [])) for variant in variants],
        # A name stays forced over settings that lack the variant, but cannot apply while they are current.
        "forced": [_forced(forced) for forced in experiment.forced_users.all() if forced.variant in names],
        "outcome": _outcome(experiment),
        "tokens": settings_group.tokens,
    }


def tests_off_document(moment: dt.datetime) -> dict[str, list[str]]:
    """For whom all tests are off: {"user_ids", "device_ids"}, sorted."""
    rows = list(TestsOff.objects.filter(_in_force(moment)).values_list("user_id", "device_id"))
    return {
        "user_ids": sorted(user_id for user_id, _ in rows if user_id),
        "device_ids": sorted(device_id for _, device_id in rows if device_id),
    }


def _in_force(moment: dt.datetime) -> Q:
    return Q(expires_at=None) | Q(expires_at__gt=moment)


def _ranges_of(experiment: Experiment) -> dict[int, list[list[int]]]:
    """The inclusive ranges of split groups by the position of their variant, in their order."""
    drawn = getattr(experiment.current, "drawn", None)
    if drawn is None:
        raise InvalidDocument("variants", "no split groups have been drawn for the current settings group")
    owners = np.array(drawn.owners, dtype=np.int16)
    # Where the owner changes: with a thousand tests, walking group by group would be most of a publication.
    ends = [*(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(owners)]
    ranges: dict[int, list[list[int]]] = {}
    first = 1
    for end in ends:
        owner = drawn.owners[end - 1]
        if owner:
            ranges.setdefault(owner, []).append([first, end])
        first = end + 1
    return ranges


def _variant(variant: Variant, split_groups: list[list[int]]) -> Document:
    document: Document = {"name": variant.name, "split_groups": split_groups}
    return document | {"payload": variant.payload} if variant.payload else document


def _forced(forced: ForcedUser) -> Document:
    who = {"user_id": forced.user_id} if forced.user_id else {"device_id": forced.device_id}
    return {"variant": forced.variant, **who, "environment": forced.environment}


def _outcome(experiment: Experiment) -> Document | None:
    if experiment.outcome == Outcome.WINNER and experiment.winner is not None:
        return {"result": "winner", "variant": experiment.winner.name, "scope": experiment.scope}
    return {"result": "rejected"} if experiment.outcome == Outcome.REJECTED else None
