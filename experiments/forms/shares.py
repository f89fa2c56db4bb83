"""Percents while somebody types them: each variant's own, a total dealt evenly, or a total and each one's part of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from django.utils.translation import gettext

from experiments.percents import SPLIT_GROUPS, InexactPercent, deal_evenly, format_percent, parse_percent

SPLITS: Final = ("each", "total", "parts")


@dataclass(slots=True)
class VariantRow:
    """One variant as typed; `payload` is JSON. A locked one keeps its percent when the rest is dealt."""

    name: str = ""
    percent: str = ""
    payload: str = ""
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """What one variant gets: split groups of 2400, or None and what is wrong. `payload_problem` is of its payload."""

    name: str
    groups: int | None
    problem: str = ""
    payload_problem: str = ""

    @property
    def percent(self) -> str:
        return "" if self.groups is None else format_percent(self.groups)


@dataclass(frozen=True, slots=True)
class Shares:
    """All variants beside each other. `problem` is about the total."""

    rows: list[Share] = field(default_factory=list)
    problem: str = ""

    @property
    def groups(self) -> int:
        return sum(row.groups or 0 for row in self.rows)

    @property
    def percent(self) -> str:
        return format_percent(self.groups)

    @property
    def parts(self) -> list[tuple[Share, str]]:
        """Each with its part of all of them in percent, "" while there is none: 33.3, 50."""
        return [
            (
                row,
                f"{100 * row.groups / self.groups:.1f}".removesuffix(".0")
                if row.groups and self.groups
                else "",
            )
            for row in self.rows
        ]

    @property
    def is_too_much(self) -> bool:
        return self.groups > SPLIT_GROUPS

    @property
    def rest(self) -> str:
        """What is in no variant, or with `is_too_much` what is beyond 100 %."""
        return format_percent(abs(SPLIT_GROUPS - self.groups))


def shares_of(rows: Sequence[VariantRow], split_by: str, total: str) -> Shares:
    """What the typed percents mean, and whether payloads can be read. What is wrong is said, never raised."""
    shares = _shares(rows, split_by, total)
    said = [
        replace(share, payload_problem=_payload_problem(row.payload))
        for share, row in zip(shares.rows, rows, strict=True)
    ]
    return Shares(said, shares.problem)


def _payload_problem(payload: str) -> str:
    if not payload.strip():
        return ""
    try:
        read = json.loads(payload)
    except json.JSONDecodeError as error:
        return gettext("the payload is no JSON: %(what)s in line %(line)s, column %(column)s") % {
            "what": error.msg,
            "line": error.lineno,
            "column": error.colno,
        }
    except (ValueError, RecursionError):
        return gettext("the payload is no JSON")
    return (
        "" if isinstance(read, dict) else gettext('the payload must be an object such as {"color": "#0a0"}')
    )


def _shares(rows: Sequence[VariantRow], split_by: str, total: str) -> Shares:
    names = [
        row.name.strip() or gettext("variant %(number)s") % {"number": number}
        for number, row in enumerate(rows, start=1)
    ]
    if split_by == "each":
        return Shares([_share(name, row.percent) for name, row in zip(names, rows, strict=True)])
    try:
        if split_by == "total":
            each = deal_evenly(total, len(rows)) if rows else 0
            return Shares([Share(name, each) for name in names])
        whole = parse_percent(total)
    except InexactPercent as error:
        return Shares(
            [Share(name, None) for name in names], f"{total.strip() or gettext('The total')} {error}"
        )
    parts = [_share(name, row.percent) for name, row in zip(names, rows, strict=True)]
    shares = [_part(part, whole) for part in parts]
    if (
        all(part.groups is not None for part in parts)
        and sum(part.groups or 0 for part in parts) != SPLIT_GROUPS
    ):
        added = format_percent(sum(part.groups or 0 for part in parts))
        return Shares(
            shares,
            gettext("The parts add up to %(percent)s %%; they must be 100 %% of the total")
            % {"percent": added},
        )
    return Shares(shares)


def _share(name: str, percent: str) -> Share:
    if not percent.strip():
        return Share(name, None, gettext("no percent yet"))
    try:
        return Share(name, parse_percent(percent))
    except InexactPercent as error:
        return Share(name, None, f"{error}")


def _part(part: Share, whole: int) -> Share:
    """So many percent of the total: exact, or refused with what would be."""
    if part.groups is None:
        return part
    groups, rest = divmod(part.groups * whole, SPLIT_GROUPS)
    if rest:
        near = (
            gettext(" %% and ")
            .replace("%%", "%")
            .join(format_percent(count) for count in (groups, groups + 1))
        )
        return Share(
            part.name,
            None,
            gettext(
                "%(part)s %% of %(whole)s %% is not a whole number of split groups; the nearest are %(near)s %% of all users"
            )
            % {"part": part.percent, "whole": format_percent(whole), "near": near},
        )
    return Share(part.name, groups)


def deal_the_rest(rows: Sequence[VariantRow], total: str) -> None:
    """Give what the locked variants leave of `total` percent (empty: of the present sum) evenly to the others.

    The shares add up exactly: what does not divide goes one split group each to the first of them. Raises InexactPercent.
    """
    free = [row for row in rows if not row.is_locked]
    if not free:
        raise InexactPercent(gettext("Every variant is locked: unlock those that are to share the rest"))
    whole = parse_percent(total) if total.strip() else shares_of(rows, "each", "").groups or SPLIT_GROUPS
    locked = shares_of([row for row in rows if row.is_locked], "each", "")
    unreadable = [row.name for row in locked.rows if row.groups is None]
    if unreadable:
        raise InexactPercent(
            gettext("The locked percent of %(variant)s cannot be read") % {"variant": unreadable[0]}
        )
    left = whole - locked.groups
    if left < len(free):
        raise InexactPercent(
            gettext(
                "The locked variants have %(locked)s %% of %(whole)s %%: not enough is left for the others"
            )
            % {"locked": locked.percent, "whole": format_percent(whole)}
        )
    each, more = divmod(left, len(free))
    for index, row in enumerate(free):
        row.percent = format_percent(each + (index < more))
