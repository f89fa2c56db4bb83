"""Small words of the console's templates: badges, moments, icons, plain numbers."""

from __future__ import annotations

import datetime as dt
import json
from typing import Final

from django import template
from django.conf.locale import LANG_INFO
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from core.moments import day_words, is_utc_for_reader, moment_words, utc_words

register = template.Library()

_COLOUR_OF_STATUS: Final = {
    "draft": "secondary",
    "dev": "azure",
    "running": "green",
    "paused": "yellow",
    "finished": "purple",
    "queued": "secondary",
    "preparing": "azure",
    "ready": "green",
    "failed": "red",
    "fine": "green",
    "watch": "yellow",
    "bad": "red",
    "unknown": "secondary",
}

# Paths on a grid of 24, drawn with the pen that Tabler's classes set.
_ICONS: Final = {
    "split": "M12 20v-7M12 13 6 6M12 13l6-7M6 10V6h4M14 6h4v4",
    "people": "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M3 20a6 6 0 0 1 12 0M16 5a3 3 0 0 1 0 6M18 14a6 6 0 0 1 3 6",
    "history": "M12 7v5l3 2M4 12a8 8 0 1 0 3-6.2M4 4v4h4",
    "funnel": "M4 5h16l-6 7v6l-4 2v-8z",
    "key": "M8 15a4 4 0 1 1 0 .01M11 12l8-8M16 7l3 3M14 9l2 2",
    "plus": "M12 5v14M5 12h14",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "theme": "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
    "copy": "M9 9h10v10H9zM15 9V5H5v10h4",
    "leave": "M13 4H5v16h8M10 12h10M17 9l3 3-3 3",
    "person": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21a8 8 0 0 1 16 0",
    "up": "M12 19V6M6 11l6-6 6 6",
    "down": "M12 5v13M6 13l6 6 6-6",
    "remove": "M6 6l12 12M18 6 6 18",
    "check": "M5 12l5 5L20 7",
    "circle": "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16",
    "pulse": "M3 12h4l3 7 4-14 3 7h4",
    "calendar": "M5 5h14v15H5zM5 10h14M9 3v4M15 3v4",
    "server": "M4 4h16v7H4zM4 13h16v7H4zM7 7.5h.01M7 16.5h.01",
    "bell": "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
    "off": "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16M6.5 6.5l11 11",
    "home": "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
    "room": "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 16.5h7M16.5 13v7",
    "grid": "M4 4h16v16H4zM4 9.3h16M4 14.6h16M9.3 4v16M14.6 4v16",
    "search": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5 20 20",
    "keys": "M3 7h18v10H3zM7 11h.01M12 11h.01M17 11h.01M8 14h8",
    "plug": "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
    "text": "M5 8V5h14v3M12 5v14M9 19h6",
    "book": "M12 6c-2-1.5-5-2-8-1.5V18c3-.5 6 0 8 1.5 2-1.5 5-2 8-1.5V4.5C17 4 14 4.5 12 6zM12 6v13.5",
    "warn": "M12 4 2.5 20h19zM12 10v4M12 17h.01",
}


@register.filter
def status_colour(status: str) -> str:
    """Tabler's colour for a status or a state of preparation."""
    return _COLOUR_OF_STATUS.get(status, "secondary")


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing beside a word; never the only bearer of a meaning, so screen readers skip it."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false"><path d="{}"/></svg>',
        _ICONS[name],
    )


@register.simple_tag
def help_link(page: str, part: str = "") -> SafeString:
    """A link to the page of the docs that says more; `part` is a heading's anchor there."""
    address = reverse("console:help_page", args=[page]) + (f"#{part}" if part else "")
    return format_html('<a class="us-help" href="{}">{}</a>', address, gettext("More about this"))


@register.simple_block_tag(takes_context=True)
def filters(context: Context, content: SafeString, target: str) -> SafeString:
    """The form above a list, around its fields: whatever changes in one of them is shown in `target` and in the address."""
    request = context["request"]
    return render_to_string(
        "components/filters.html",
        {"target": target, "fields": content, "is_filtered": any(request.GET.values())},
        request,
    )


@register.filter
def moment(value: dt.datetime | None) -> SafeString:
    """A point in time, to the minute, on the reader's clocks and saying which; what it is in UTC is in the tooltip."""
    if value is None:
        return mark_safe("—")
    words = moment_words(value)
    iso = value.astimezone(dt.UTC).isoformat()
    if is_utc_for_reader(value):
        return format_html('<time datetime="{}">{}</time>', iso, words)
    return format_html('<time datetime="{}" title="{}" data-zoned>{}</time>', iso, utc_words(value), words)


@register.filter
def day(value: dt.datetime | dt.date | None) -> SafeString:
    """Only the day, where the hour would be noise; the moment in UTC is in the tooltip. A mere date is nobody's clock's."""
    if value is None:
        return mark_safe("—")
    if not isinstance(value, dt.datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), day_words(value))
    iso = value.astimezone(dt.UTC).isoformat()
    return format_html(
        '<time datetime="{}" title="{}" data-zoned>{}</time>', iso, utc_words(value), day_words(value)
    )


@register.filter
def percent(share: float) -> str:
    """0.155 → 15.5 %."""
    return f"{share * 100:.1f} %"


@register.filter
def language_named(code: str) -> str:
    """de → German (de), in the reader's language; a code that Django has no name for stays alone."""
    known = LANG_INFO.get(code.lower(), {}).get("name")
    return f"{gettext(known)} ({code})" if known else code


@register.filter
def readable(value: object) -> str:
    """A value of the changelog: texts as they are, the rest as JSON."""
    if value is None or value == "":
        return "—"
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return json.dumps(value, ensure_ascii=False)
