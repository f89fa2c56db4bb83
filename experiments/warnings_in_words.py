"""What a manager should think of before a start, in sentences, from what was counted and drawn. Page and API show the same.

Tests that the reader may not know of come without a name. Nothing here asks a database or a warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext, ngettext

from audience.overlap import Movement

FEW_USERS: Final = 100
"""A variant with fewer can hardly show anything."""

NOTABLE_SHARE: Final = 0.10
"""From this share of our users on another test is worth a sentence."""

NOTABLE_SHARE_IN_AREA: Final = 0.01
"""Tests that change the same part of the product disturb each other more."""

MOST_TESTS: Final = 5
"""So many tests are named, the largest; the others are a number."""


class Kind(StrEnum):
    """What a warning is about; stable, for whoever wants to choose."""

    NO_USERS_YET = "no_users_yet"
    EMPTY_AUDIENCE = "empty_audience"
    UPPER_BOUND = "upper_bound"
    EMPTY_VARIANT = "empty_variant"
    FEW_USERS = "few_users"
    SAME_AREA = "same_area"
    SHARED_USERS = "shared_users"
    MOVED_USERS = "moved_users"
    LEAVING_USERS = "leaving_users"


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning. A serious one usually means that something should be changed first."""

    kind: Kind
    text: str
    is_serious: bool = False


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """A variant and the users who get it."""

    name: str
    split_groups: int
    users: int


@dataclass(frozen=True, slots=True)
class PairFacts:
    """What is shared with one other test: `name` "" when the reader may not know it, `area` "" unless both have the same."""

    name: str
    users: int
    share: float
    area: str = ""
    not_counted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the warnings are made from. `is_blind`: the warehouse has no users at all yet."""

    users: int
    not_counted: Sequence[str] = ()
    variants: Sequence[VariantFacts] = ()
    pairs: Sequence[PairFacts] = ()
    moves: Movement | None = None
    is_blind: bool = False


def warnings_of(facts: Facts) -> list[Warned]:
    """The warnings, the serious ones first."""
    if facts.is_blind:
        text = gettext(
            "The warehouse has no users yet: nothing could be counted, and every other test was taken as meeting this one."
        )
        found = [Warned(Kind.NO_USERS_YET, text, is_serious=True)]
    elif not facts.users:
        text = gettext("Nobody meets the conditions at present.")
        found = [Warned(Kind.EMPTY_AUDIENCE, text, is_serious=True)]
    else:
        found = [*_small_variants(facts.variants), *_shared(facts.pairs)]
    found += _upper_bounds(facts.not_counted) + _moved(facts.moves)
    return sorted(found, key=lambda one: not one.is_serious)


def in_percent(share: float) -> str:
    """0.312 → "31 %", 0.004 → "0.4 %"."""
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 1 else f"{percent:.1f} %"


def _small_variants(variants: Sequence[VariantFacts]) -> list[Warned]:
    found = []
    for variant in variants:
        if not variant.split_groups:
            text = gettext("Variant %(name)s owns no split group: only forced users get it.") % {
                "name": variant.name
            }
            found.append(Warned(Kind.EMPTY_VARIANT, text))
        elif not variant.users:
            text = gettext(
                "Variant %(name)s has no users: nobody in its split groups meets the conditions."
            ) % {"name": variant.name}
            found.append(Warned(Kind.EMPTY_VARIANT, text, is_serious=True))
        elif variant.users < FEW_USERS:
            text = ngettext(
                "Variant %(name)s has only %(users)s user.",
                "Variant %(name)s has only %(users)s users.",
                variant.users,
            ) % {"name": variant.name, "users": f"{variant.users:,}"}
            found.append(Warned(Kind.FEW_USERS, text))
    return found


def _shared(pairs: Sequence[PairFacts]) -> list[Warned]:
    notable = [
        pair for pair in pairs if pair.share >= (NOTABLE_SHARE_IN_AREA if pair.area else NOTABLE_SHARE)
    ]
    notable.sort(key=lambda pair: (not pair.area, -pair.users))
    found = [_pair(pair) for pair in notable[:MOST_TESTS]]
    rest = len(notable) - len(found)
    if rest > 0:
        text = ngettext(
            "%(number)s more test shares many of your users, too.",
            "%(number)s more tests share many of your users, too.",
            rest,
        ) % {"number": rest}
        found.append(Warned(Kind.SHARED_USERS, text))
    return found


def _pair(pair: PairFacts) -> Warned:
    values = {
        "share": in_percent(pair.share),
        "test": pair.name or gettext("a draft of other managers"),
        "area": pair.area,
    }
    if pair.area:
        told = (
            gettext(
                "Up to %(share)s of your users are also in %(test)s, in the same area: both change “%(area)s”."
            )
            if pair.not_counted
            else gettext(
                "%(share)s of your users are also in %(test)s, in the same area: both change “%(area)s”."
            )
        )
        return Warned(Kind.SAME_AREA, told % values, is_serious=True)
    told = (
        gettext("Up to %(share)s of your users are also in %(test)s.")
        if pair.not_counted
        else gettext("%(share)s of your users are also in %(test)s.")
    )
    return Warned(Kind.SHARED_USERS, told % values)


def _upper_bounds(not_counted: Sequence[str]) -> list[Warned]:
    if not not_counted:
        return []
    names = ", ".join(name.replace("_", " ") for name in not_counted)
    told = ngettext(
        "These are upper bounds. Not counted: %(names)s, because the warehouse does not know it.",
        "These are upper bounds. Not counted: %(names)s, because the warehouse does not know them.",
        len(not_counted),
    )
    return [Warned(Kind.UPPER_BOUND, told % {"names": names})]


def _moved(moves: Movement | None) -> list[Warned]:
    if moves is None:
        return []
    found = []
    if moves.change:
        ways = [
            gettext("%(users)s from %(before)s to %(after)s")
            % {"users": f"{change.users:,}", "before": change.from_variant, "after": change.to_variant}
            for change in moves.changes
            if change.users
        ]
        told = ngettext(
            "The draw moves %(users)s user to another variant: %(ways)s.",
            "The draw moves %(users)s users to another variant: %(ways)s.",
            moves.change,
        )
        values = {"users": f"{moves.change:,}", "ways": ", ".join(ways)}
        found.append(Warned(Kind.MOVED_USERS, told % values))
    if moves.leave:
        told = ngettext(
            "The draw takes %(users)s user who are in a variant now out of the test.",
            "The draw takes %(users)s users who are in a variant now out of the test.",
            moves.leave,
        )
        found.append(Warned(Kind.LEAVING_USERS, told % {"users": f"{moves.leave:,}"}))
    return found
