"""A row that superusers make and change in a form of its own: one way for filters and for sources of users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from core.errors import InvalidInput, NotAllowed, StaleTransition
from core.http import HtmxRequest


class RowForm(Protocol):
    """A form that knows the service's arguments and shows its refusals."""

    def is_valid(self) -> bool: ...

    def values(self) -> dict[str, Any]: ...

    def refuse(self, refusal: InvalidInput) -> None: ...


@dataclass(frozen=True, slots=True)
class Editing:
    """Where a kind of row is edited: its template, the URL name of its list, and what the row is called in the template."""

    template: str
    list_name: str
    row_name: str

    def create(
        self, request: HtmxRequest, form: RowForm, make: Callable[..., Any], said: Callable[[Any], str]
    ) -> HttpResponse:
        """The empty form, or the row that `make` makes of it; `said` is what is told then."""
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid():
                try:
                    made = make(**form.values())
                except InvalidInput as refusal:
                    form.refuse(refusal)
                else:
                    messages.success(request, said(made))
                    return redirect(self.list_name)
        return render(request, self.template, {"form": form}, status=status)

    def edit(
        self,
        request: HtmxRequest,
        row: object,
        form: RowForm,
        change: Callable[..., Any],
        said: Callable[[Any], str],
    ) -> HttpResponse:
        """The row in its form, changed by `change`. Somebody else's change in between keeps what was typed and says so."""
        status, stale = 200, ""
        if request.method == "POST":
            status = 422
            if form.is_valid():
                try:
                    changed = change(revision=revision_of(request), **form.values())
                except InvalidInput as refusal:
                    form.refuse(refusal)
                except StaleTransition as refusal:
                    status, stale = 409, refusal.detail
                else:
                    messages.success(request, said(changed))
                    return redirect(self.list_name)
        context = {"form": form, self.row_name: row, "stale": stale}
        return render(request, self.template, context, status=status)


def superuser_of(request: HtmxRequest, refusal: str) -> Actor:
    """Who asks, or NotAllowed in these words."""
    actor = signed_in_actor(request)
    if not actor.is_superuser:
        raise NotAllowed(refusal)
    return actor


def revision_of(request: HtmxRequest) -> int:
    """The revision on which what was sent is based."""
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
