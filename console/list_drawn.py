"""Rows of the test list as HTML. Equal rows look alike in one language and zone, so what was drawn once is kept by this process."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from console.list_rows import Row

_TEMPLATE: Final = "console/tests/row.html"


def drawn(rows: Iterable[Row], *, may_create: bool) -> SafeString:
    """The rows one below the other, for whose language and zone are active."""
    # Who works on the template wants to see the change.
    draw = _draw.__wrapped__ if settings.DEBUG else _draw
    language, zone = get_language() or "", timezone.get_current_timezone_name()
    return format_html_join("", "{}", ((draw(row, may_create, language, zone),) for row in rows))


# Some 3 kB each.
@lru_cache(maxsize=2_000)
def _draw(row: Row, may_create: bool, language: str, zone: str) -> SafeString:
    return render_to_string(_TEMPLATE, {"row": row, "may_create": may_create})
