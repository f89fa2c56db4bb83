"""Connections to chats and Jira: superusers set them up, test them and switch them off."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from core import clock
from core.errors import InvalidInput, NotAllowed, NotFound, StaleTransition
from core.http import HtmxRequest
from notifications.connections import (
    ask_for_check,
    create_connection,
    switch_connection,
    update_connection,
)
from notifications.forms_connections import ConnectionForm
from notifications.models import Connection, Provider
from notifications.providers import PROVIDERS_TYPED
from notifications.selectors import waiting_by_connection

PATIENCE: Final = dt.timedelta(seconds=90)
"""Longer than a test can take: nobody has taken it up."""


@require_safe
def connection_list(request: HtmxRequest) -> HttpResponse:
    """What is connected, how it does, and what can be."""
    _superuser(request)
    waiting = waiting_by_connection()
    rows = [
        {"connection": row, "waiting": waiting.get(row.pk, 0), **_state(row)}
        for row in Connection.objects.all()
    ]
    providers = [
        {"value": provider.value, "label": provider.label, "what_for": spec.what_for}
        for provider, spec in PROVIDERS_TYPED.items()
    ]
    return render(request, "notifications/connections/list.html", {"rows": rows, "providers": providers})


@never_cache  # the form held a secret a moment ago
@require_http_methods(["GET", "HEAD", "POST"])
def connection_create(request: HtmxRequest, provider: str) -> HttpResponse:
    """Connect a provider."""
    actor = _superuser(request)
    if provider not in Provider.values:
        raise NotFound(gettext("There is no such provider."))
    form = ConnectionForm(Provider(provider), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_connection(actor, provider, **form.values())
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            ask_for_check(actor, made.pk)
            messages.success(
                request,
                gettext("%(name)s is connected. Whether it works is tested now.") % {"name": made.name},
            )
            return redirect("notifications:connection_page", connection_id=made.pk)
    spec = PROVIDERS_TYPED[Provider(provider)]
    context = {"form": form, "label": Provider(provider).label, "what_for": spec.what_for}
    return render(request, "notifications/connections/form.html", context, status=_status(request))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def connection_page(request: HtmxRequest, connection_id: int) -> HttpResponse:
    """One connection: its state, its test, and the form to change it. A change in between keeps what was typed and says so."""
    actor = _superuser(request)
    row = _found(connection_id)
    form = ConnectionForm(Provider(row.provider), request.POST or None, edited=row)
    status, stale = _status(request), ""
    if request.method == "POST" and form.is_valid():
        try:
            changed = update_connection(actor, row.pk, revision=_revision(request), **form.values())
        except InvalidInput as refusal:
            form.refuse(refusal)
        except StaleTransition as refusal:
            status, stale = 409, refusal.detail
        else:
            messages.success(request, gettext("%(name)s is saved.") % {"name": changed.name})
            if changed.is_active and changed.revision != row.revision:
                ask_for_check(actor, changed.pk)
            return redirect("notifications:connection_page", connection_id=changed.pk)
    context: dict[str, Any] = {
        "form": form,
        "label": row.get_provider_display(),
        "what_for": PROVIDERS_TYPED[Provider(row.provider)].what_for,
        "stale": stale,
        "waiting": waiting_by_connection().get(row.pk, 0),
        **_check(row),
        **_state(row),
    }
    return render(request, "notifications/connections/form.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def connection_check(request: HtmxRequest, connection_id: int) -> HttpResponse:
    """The Test button, and the card with what it found, which asks for itself while the test runs."""
    actor = _superuser(request)
    row = _found(connection_id)
    if request.method == "POST":
        row = ask_for_check(actor, row.pk)
    if not request.htmx:
        return redirect("notifications:connection_page", connection_id=row.pk)
    return render(request, "notifications/connections/check.html", {**_check(row), **_state(row)})


@require_POST
def connection_switch(request: HtmxRequest, connection_id: int, act: str) -> HttpResponse:
    """Nothing goes out over it any more, or again."""
    actor = _superuser(request)
    row = _found(connection_id)
    changed = switch_connection(actor, row.pk, revision=_revision(request), is_active=act == "on")
    if changed.is_active:
        said = gettext("%(name)s is in use again.")
    else:
        said = gettext("%(name)s is switched off: nothing goes out over it.")
    messages.success(request, said % {"name": changed.name})
    return redirect("notifications:connection_page", connection_id=changed.pk)


def _check(row: Connection) -> dict[str, Any]:
    """How far the test is: running, late (nobody has taken it up), or over with its steps."""
    asked = row.check_asked_at if row.checked_at is None else None
    late = asked is not None and clock.now() - asked > PATIENCE
    steps = [{"step": step, "done": done, "words": words} for step, done, words in row.check_steps]
    return {
        "connection": row,
        "is_running": asked is not None and not late,
        "is_late": late,
        "steps": steps,
        "works": bool(steps) and all(step["done"] for step in steps),
    }


def _state(row: Connection) -> dict[str, Any]:
    """In a word with its colour: what the circuit breaker thinks of it."""
    now = clock.now()
    if not row.is_active:
        return {"state": gettext("off"), "colour": "secondary"}
    if row.closed_until is not None and row.closed_until > now:
        return {"state": gettext("paused"), "colour": "red", "is_paused": True}
    if row.failures:
        return {"state": gettext("failing"), "colour": "orange"}
    if any(not done for _, done, _ in row.check_steps):
        return {"state": gettext("failed its test"), "colour": "orange"}
    if row.last_ok_at is not None:
        return {"state": gettext("works"), "colour": "green"}
    return {"state": gettext("not used yet"), "colour": "azure"}


def _superuser(request: HtmxRequest) -> Actor:
    actor = signed_in_actor(request)
    if not actor.is_superuser:
        raise NotAllowed(gettext("Only superusers look after connections."))
    return actor


def _found(connection_id: int) -> Connection:
    return get_object_or_404(Connection, pk=min(connection_id, 2**63 - 1))


def _status(request: HtmxRequest) -> int:
    return 422 if request.method == "POST" else 200


def _revision(request: HtmxRequest) -> int:
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
