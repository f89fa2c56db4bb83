"""``{% load usersplit %}``: variants, user groups and texts in templates. What they print is escaped."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from usersplit_sdk.bound import Split, current_split

register = template.Library()


@register.simple_tag(takes_context=True)
def variant(context: Context, key: str, log_hit: bool = True) -> str:
    """``{% variant "green_button" as v %}{% if v == "green" %}…``; empty without a variant."""
    split = _split_of(context)
    return "" if split is None else split.variant(key, log_hit=log_hit) or ""


@register.simple_tag(takes_context=True)
def payload(context: Context, key: str) -> Any:
    """``{% payload "green_button" as button %}{{ button.color }}``; empty without one."""
    split = _split_of(context)
    found = None if split is None else split.payload(key)
    return "" if found is None else found


@register.simple_tag(takes_context=True)
def is_in_group(context: Context, key: str) -> bool:
    """``{% is_in_group "christmas" as christmas %}{% if christmas %}…``."""
    split = _split_of(context)
    return split is not None and split.is_in_group(key)


@register.simple_tag(takes_context=True)
def split_text(context: Context, token: str, default: str) -> str:
    """``{% split_text "pay_button" _("Buy") %}``: the variant's text in the active language, else the default."""
    split = _split_of(context)
    return default if split is None else split.text(token, default)


def _split_of(context: Context) -> Split | None:
    """The request's, where templates are given one; else that of the request that is running."""
    split = getattr(context.get("request"), "split", None)
    return split if isinstance(split, Split) else current_split()
