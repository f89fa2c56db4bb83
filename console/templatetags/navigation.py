"""The side bar as templates ask for it."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from accounts.models import User
from console.navigation import pages_for, present_entry, sections_for

register = template.Library()


@register.simple_tag(takes_context=True)
def navigation(context: Context) -> dict[str, Any]:
    """`sections` for the person who is signed in and the `present` entry; nothing for anybody else."""
    request = context.get("request")
    person = getattr(request, "user", None)
    if request is None or not isinstance(person, User):
        return {"sections": [], "present": None}
    return {"sections": sections_for(person), "present": present_entry(person, request.path)}


@register.simple_tag(takes_context=True)
def keyed_pages(context: Context) -> list[Any]:
    """Pages with a key of their own, by it, for the list of keys."""
    request = context.get("request")
    person = getattr(request, "user", None)
    if not isinstance(person, User):
        return []
    return sorted((entry for entry in pages_for(person) if entry.key), key=lambda entry: entry.key)
