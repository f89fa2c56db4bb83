"""Loosely typed values → the types of the catalogue. Conditions and imported files are read by the same rules."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext

from core.text import unstorable_text
from usersplit_sdk.values import parse_moment, version_key

TRUE_WORDS: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "f", "no", "n", "off"})
MAX_TEXT: Final = 1_000
MAX_LIST_ITEMS: Final = 1_000
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1

# ASCII digits only: int() and float() would also take "１２", "1_000" and "nan".
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)


class CastError(ValueError):
    """A value cannot be read as the type; the text says what would be right and can be shown to people."""


def shown(value: object) -> str:
    """A value as an error message quotes it: short, whatever was sent."""
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:40] + "…"
        return json.dumps(text, ensure_ascii=not text.isprintable())
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return str(value) if -(10**40) < value < 10**40 else gettext("a number of more than 40 digits")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return gettext("a list")
    return gettext("an object") if isinstance(value, dict) else f"a {type(value).__name__}"


def cast_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
    raise CastError(gettext("must be yes or no, not %(value)s") % {"value": shown(value)})


def cast_integer(value: object) -> int:
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, (float, Decimal)) and math.isfinite(value) and value == int(value):
        number = int(value)
    elif isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        number = int(value.strip().partition(".")[0])
    if number is None:
        raise CastError(gettext("must be a whole number, not %(value)s") % {"value": shown(value)})
    if not INTEGER_MIN <= number <= INTEGER_MAX:
        raise CastError(gettext("must fit into 64 bits (about ±9.2 quintillion)"))
    return number


def cast_number(value: object) -> int | float:
    """A finite number: an int where floating point holds it exactly, else the nearest float."""
    try:
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            number = float(value)
        elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            number = float(value.strip())
        else:
            raise CastError(gettext("must be a number, not %(value)s") % {"value": shown(value)})
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CastError(gettext("must be a finite number"))
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def cast_string(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if INTEGER_MIN <= value <= INTEGER_MAX else value
    if not isinstance(value, str):
        raise CastError(gettext("must be a text, not %(value)s") % {"value": shown(value)})
    if len(value) > MAX_TEXT:
        raise CastError(
            gettext("must have at most %(most)s characters, not %(number)s")
            % {"most": f"{MAX_TEXT:,}", "number": f"{len(value):,}"}
        )
    if (not value.isascii() or "\x00" in value) and (problem := unstorable_text(value)):
        raise CastError(problem)
    return value


def cast_date(value: object) -> str:
    """Canonical text: `2026-01-31` for a day, `2026-01-31T10:00:00Z` for a moment (an offset is converted, none is UTC)."""
    moment = parse_moment(value.strip() if isinstance(value, str) else value)
    if moment is None:
        raise CastError(
            gettext("must be a date like 2026-01-31 or 2026-01-31T10:00:00Z, not %(value)s")
            % {"value": shown(value)}
        )
    if moment.is_day:
        return moment.instant.date().isoformat()
    return moment.instant.replace(tzinfo=None).isoformat() + "Z"


def cast_version(value: object) -> str:
    if isinstance(value, float):
        raise CastError(gettext("must be a version in quotes: as a number, 1.10 would become 1.1"))
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else value
    text = text.strip() if isinstance(text, str) else text
    if not isinstance(text, str) or version_key(text) is None:
        raise CastError(
            gettext("must be a version like 1.10 or 2.0.3 (1 to 6 numbers of up to 9 digits), not %(value)s")
            % {"value": shown(value)}
        )
    return text


SCALAR_CASTS: Final[Mapping[str, Callable[[object], bool | int | float | str]]] = {
    "boolean": cast_boolean,
    "integer": cast_integer,
    "number": cast_number,
    "string": cast_string,
    "date": cast_date,
    "version": cast_version,
    "list": cast_string,
}
"""By filter type: the cast of one operand. Lists hold texts, so an operand of theirs is a text."""


def cast_list_cell(value: object) -> list[str]:
    """A user's list: a list, a JSON array (`["a", "b"]`) or texts separated by `|`."""
    items: object = value
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                items = json.loads(text)
            except (ValueError, RecursionError):
                raise CastError(f"must be a JSON array or texts separated by |, not {shown(value)}") from None
        else:
            items = [part.strip() for part in text.split("|") if part.strip()]
    if not isinstance(items, (list, tuple)):
        raise CastError(f"must be a list, not {shown(value)}")
    if len(items) > MAX_LIST_ITEMS:
        raise CastError(f"must have at most {MAX_LIST_ITEMS:,} items, not {len(items):,}")
    return [cast_string(item) for item in items]


def cast_date_cell(value: object) -> dt.datetime:
    """A user's date as a moment in UTC, naive as warehouses store it; a day is its midnight."""
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value
    moment = parse_moment(value.strip() if isinstance(value, str) else value)
    if moment is None:
        raise CastError(
            gettext("must be a date like 2026-01-31 or 2026-01-31T10:00:00Z, not %(value)s")
            % {"value": shown(value)}
        )
    return moment.instant.replace(tzinfo=None)


CELL_CASTS: Final[Mapping[str, Callable[[object], object]]] = {
    **SCALAR_CASTS,
    "date": cast_date_cell,
    "list": cast_list_cell,
}
"""By filter type: the cast of one user's value in an imported file. Blank cells never get here: they are missing values."""
