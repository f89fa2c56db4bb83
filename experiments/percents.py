"""Percents of users as whole numbers of split groups: exact, or refused. No framework here.

There are 2400 split groups, so 1/24 of a percent is the smallest step. A percent is written as a decimal ("5", "12.5"),
or, where decimals cannot say it exactly, as a fraction ("1/24") or a mixed number ("33 1/3").
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

SPLIT_GROUPS: Final = 2400
GROUPS_PER_PERCENT: Final = SPLIT_GROUPS // 100

_WRITTEN = re.compile(
    r"(?:(?P<whole>\d{1,9}(?:\.\d{1,30})?|\.\d{1,30})|(?:(?P<units>\d{1,9})\s+)?(?P<top>\d{1,9})/(?P<bottom>\d{1,9}))\s*%?",
    re.ASCII,
)


class InexactPercent(ValueError):
    """The percent cannot be dealt; the message says what is wrong and what would be right."""


def parse_percent(value: object) -> int:
    """How many of the 2400 split groups `value` percent are. Raises InexactPercent with the nearest that can be dealt."""
    percent = _fraction(value)
    if percent > 100:
        raise InexactPercent("is more than 100 %")
    groups = percent * GROUPS_PER_PERCENT
    if groups.denominator != 1:
        below = int(groups)
        raise InexactPercent(
            f"{value} % is not a whole number of the 2,400 split groups; "
            f"the nearest that are: {format_percent(below)} % and {format_percent(below + 1)} %"
        )
    return int(groups)


def deal_evenly(total: object, variants: int) -> int:
    """Split groups per variant when `total` percent are dealt evenly to `variants` (at least 1) of them.

    Raises InexactPercent with the nearest totals that can be dealt.
    """
    groups = parse_percent(total)
    each, rest = divmod(groups, variants)
    if rest:
        nearest = [
            format_percent(count)
            for count in (each * variants, (each + 1) * variants)
            if count <= SPLIT_GROUPS
        ]
        raise InexactPercent(
            f"{total} % cannot be dealt evenly to {variants} variants; the nearest that can: {' % and '.join(nearest)} %"
        )
    return each


def format_percent(groups: int) -> str:
    """`groups` of 2400 as a percent that `parse_percent` reads back exactly: "5", "12.5", "33 1/3", "1/24"."""
    if groups % 3 == 0:
        return f"{(Decimal(groups) / GROUPS_PER_PERCENT).normalize():f}"
    whole, rest = divmod(groups, GROUPS_PER_PERCENT)
    part = Fraction(rest, GROUPS_PER_PERCENT)
    return f"{whole} {part}" if whole else str(part)


def _fraction(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal | Fraction):
        raise InexactPercent('must be a percent such as "5", "12.5" or "33 1/3"')
    if isinstance(value, int | Fraction):
        if value < 0:
            raise InexactPercent("must not be negative")
        return Fraction(value)
    # A number of JSON is written out: 100/3 has 15 decimals, 1e-05 has none that the pattern knows.
    text = f"{Decimal(str(value)):f}" if isinstance(value, float | Decimal) else value.strip()
    if text.startswith("-"):
        raise InexactPercent("must not be negative")
    match = _WRITTEN.fullmatch(text)
    if match is None or (match["bottom"] and int(match["bottom"]) == 0):
        raise InexactPercent('must be a percent such as "5", "12.5" or "33 1/3"')
    if match["whole"]:
        return Fraction(match["whole"])
    return int(match["units"] or 0) + Fraction(int(match["top"]), int(match["bottom"]))
