"""The audience card's tables: two-way tables of variants, and the draw in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import ngettext

from experiments.audience_report import Intersection, VariantPair


@dataclass(frozen=True, slots=True)
class Cell:
    """Users in one of our variants and one of theirs. `share` is of the users of our variant (0..1)."""

    users: int
    split_groups: int
    share: float


@dataclass(frozen=True, slots=True)
class TwoWay:
    """Our variants down, theirs across; each row ends with how many of its users are in the other test at all."""

    columns: list[str]
    rows: list[tuple[str, list[Cell], Cell]]


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """An intersection for one reader: of a draft that they cannot know neither name nor variants are shown."""

    shared: Intersection
    is_known: bool
    table: TwoWay


def overlap_row(shared: Intersection, variant_users: Mapping[str, int], *, is_known: bool) -> OverlapRow:
    """With `variant_users`, the users of our variants by name, in their order."""
    return OverlapRow(shared, is_known, two_way(shared.variants, variant_users, is_known=is_known))


def two_way(pairs: Sequence[VariantPair], variant_users: Mapping[str, int], *, is_known: bool) -> TwoWay:
    """The pairs as a table; pairs that share no split group are cells of 0."""
    columns = list(dict.fromkeys(pair.theirs for pair in pairs)) if is_known else []
    by_names = {(pair.mine, pair.theirs): pair for pair in pairs}
    rows = []
    for mine, users in variant_users.items():
        own = [pair for pair in pairs if pair.mine == mine]
        cells = [_cell([by_names[mine, name]] if (mine, name) in by_names else [], users) for name in columns]
        rows.append((mine, cells, _cell(own, users)))
    return TwoWay(columns, rows)


def _cell(pairs: Sequence[VariantPair], of: int) -> Cell:
    users = sum(pair.users for pair in pairs)
    return Cell(users, sum(pair.split_groups for pair in pairs), users / of if of else 0.0)


def balance_in_words(log: Mapping[str, Any]) -> str:
    """How evenly the drawn split groups were dealt to the variants, from the log of a draw; "" for draws that don't tell."""
    deal = log.get("deal")
    if not deal or not deal["variants_met"]:
        return ""
    met, even, furthest = deal["variants_met"], deal["within_one"], deal["furthest"]
    if even == met:
        words = ngettext(
            "%(met)s variant of other tests: spread over yours as evenly as whole split groups allow.",
            "%(met)s variants of other tests: spread over yours as evenly as whole split groups allow.",
            met,
        )
        return words % {"met": met}
    words = ngettext(
        "%(met)s variant of other tests: %(even)s spread over yours to within one split group, the furthest is %(furthest)s off.",
        "%(met)s variants of other tests: %(even)s spread over yours to within one split group, the furthest is %(furthest)s off.",
        met,
    )
    # More than one off, which rounding must not hide.
    shown = f"{furthest:.1f}" if furthest >= 1.05 else f"{max(furthest, 1.01):.2f}"
    return words % {"met": met, "even": even, "furthest": shown}
