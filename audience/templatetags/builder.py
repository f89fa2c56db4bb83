"""Long lists of choices, written at once: a template loop over 250 countries in each of many conditions takes seconds."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe

from audience.builder.rendering import Option

register = template.Library()


@register.simple_tag
def option_tags(options: Iterable[Option]) -> SafeString:
    """`<option>` for each, escaped."""
    tags = (
        f'<option value="{escape(one.value)}"{" selected" if one.is_chosen else ""}>{escape(one.label)}</option>'
        for one in options
    )
    return mark_safe("".join(tags))  # noqa: S308 - escaped above


@register.simple_tag
def check_boxes(name: str, options: Iterable[Option]) -> SafeString:
    """A labelled check box for each, escaped."""
    field = escape(name)
    tags = (
        f'<label class="form-check"><input class="form-check-input" type="checkbox" name="{field}" value="{escape(one.value)}"'
        f'{" checked" if one.is_chosen else ""}><span class="form-check-label">{escape(one.label)}</span></label>'
        for one in options
    )
    return mark_safe("".join(tags))  # noqa: S308 - escaped above
