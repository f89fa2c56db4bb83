"""What somebody may have meant: known names that look like a wrong one. No framework here."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

MOST: Final = 3
# "green_buton" is 0.96 like "green_button", "gren" 0.89 like "green"; what is below is another word.
_LIKENESS: Final = 0.7
_LONGEST: Final = 64


def near_names(wrong: str, known: Collection[str]) -> list[str]:
    """The known names most like `wrong`, the likeliest first, three at most; upper case and - for _ make no difference."""
    plain = _plain(wrong)
    by_plain = {_plain(name): name for name in known}
    return [by_plain[name] for name in get_close_matches(plain, by_plain, MOST, _LIKENESS)]


def _plain(name: str) -> str:
    return name[:_LONGEST].lower().replace("-", "_").replace(" ", "_")
