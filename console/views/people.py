"""People and roles: everybody sees who is here and what they manage; superusers look after them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from accounts.forms_people import PersonForm
from accounts.link_mails import can_mail, link_path
from accounts.models import User
from accounts.password_links import has_open_link, link_expires_at
from accounts.people import add_person, make_link, switch_person, update_person
from accounts.requests import signed_in_actor
from console.people_rows import (
    ROLE_WORDS,
    managed_by,
    people_by_role,
    people_found,
    person_rows,
    read_people_wanted,
)
from core.errors import InvalidInput, NotAllowed, StaleTransition
from core.http import HtmxRequest
from experiments.models import Kind

PAGE_SIZE: Final = 50
MANAGED_SHOWN: Final = 50


@require_safe
def person_list(request: HtmxRequest) -> HttpResponse:
    """Who is here; typing in the search asks for the part below it only."""
    actor = signed_in_actor(request)
    wanted = read_people_wanted(request.GET)
    page = Paginator(people_found(actor, wanted), PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page,
        "rows": person_rows(actor, list(page.object_list)),
        "wanted": wanted,
        "may_edit": actor.is_superuser,
    }
    if request.htmx and request.htmx.target == "results":
        return render(request, "accounts/people/list.html#results", context)
    return render(request, "accounts/people/list.html", context | {"roles": people_by_role()})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def person_create(request: HtmxRequest) -> HttpResponse:
    """Somebody new, with the link by which they let themselves in."""
    actor = _superuser(request)
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = add_person(actor, **form.values())
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            return _with_link(request, actor, person.pk, is_new=True)
    return _form(request, form, _status(request))


@require_safe
def person_page(request: HtmxRequest, person_id: int) -> HttpResponse:
    """One person."""
    return _page(request, _found(person_id))


@require_http_methods(["GET", "HEAD", "POST"])
def person_edit(request: HtmxRequest, person_id: int) -> HttpResponse:
    """Name, address and role. A change in between keeps what was typed and says so."""
    actor = _superuser(request)
    person = _found(person_id)
    form = PersonForm(request.POST or None, edited=person)
    status, stale = _status(request), ""
    if request.method == "POST" and form.is_valid():
        try:
            changed = update_person(actor, person.pk, revision=_revision(request), **form.values())
        except InvalidInput as refusal:
            form.refuse(refusal)
        except StaleTransition as refusal:
            status, stale = HTTPStatus.CONFLICT, refusal.detail
        else:
            messages.success(request, gettext("The account of %(name)s is saved.") % {"name": changed})
            return redirect("console:person_page", person_id=changed.pk)
    return _form(request, form, status, person=person, stale=stale)


@never_cache
@require_POST
def person_link(request: HtmxRequest, person_id: int) -> HttpResponse:
    """A new link, shown this once."""
    return _with_link(request, _superuser(request), person_id, is_new=False)


@require_POST
def person_switch(request: HtmxRequest, person_id: int, act: str) -> HttpResponse:
    """Shut somebody out, or let them in again."""
    actor = _superuser(request)
    changed = switch_person(actor, person_id, revision=_revision(request), is_active=act == "on")
    words = (
        gettext("%(name)s may sign in again; tokens that were not revoked work again.")
        if changed.is_active
        else gettext("%(name)s is signed out everywhere and cannot sign in; their tokens stopped working.")
    )
    messages.success(request, words % {"name": changed})
    return redirect("console:person_page", person_id=changed.pk)


def _with_link(request: HtmxRequest, actor: Actor, person_id: int, *, is_new: bool) -> HttpResponse:
    person = make_link(actor, person_id, by_mail=can_mail())
    shown = {
        "link": request.build_absolute_uri(link_path(person)),
        "expires_at": link_expires_at(person),
        "is_mailed": can_mail() and bool(person.email),
        "is_new": is_new,
    }
    return _page(request, person, HTTPStatus.CREATED, shown)


def _page(
    request: HtmxRequest,
    person: User,
    status: int = HTTPStatus.OK,
    shown: dict[str, Any] | None = None,
) -> HttpResponse:
    actor = signed_in_actor(request)
    tests, groups = (managed_by(actor, person, kind) for kind in (Kind.TEST, Kind.GROUP))
    managed = [*tests[: MANAGED_SHOWN + 1], *groups[: MANAGED_SHOWN + 1]]
    (row,) = person_rows(actor, [person])
    context = {
        "row": row,
        "person": person,
        "role_words": ROLE_WORDS[row.role],
        "managed": managed[:MANAGED_SHOWN],
        "has_more": len(managed) > MANAGED_SHOWN,
        "alone": sum(one.is_alone for one in managed),
        "may_edit": actor.is_superuser,
        "is_me": actor.user == person,
        "open_until": link_expires_at(person) if has_open_link(person) else None,
        **(shown or {}),
    }
    return render(request, "accounts/people/page.html", context, status=status)


def _form(
    request: HtmxRequest, form: PersonForm, status: int, person: User | None = None, stale: str = ""
) -> HttpResponse:
    context = {
        "form": form,
        "person": person,
        "stale": stale,
        "roles": [(role, words, None) for role, words in ROLE_WORDS.items()],
        "can_mail": can_mail(),
    }
    return render(request, "accounts/people/form.html", context, status=status)


def _superuser(request: HtmxRequest) -> Actor:
    actor = signed_in_actor(request)
    if not actor.is_superuser:
        raise NotAllowed(gettext("Only superusers look after people."))
    return actor


def _found(person_id: int) -> User:
    return get_object_or_404(User, pk=min(person_id, 2**63 - 1))


def _status(request: HtmxRequest) -> int:
    return HTTPStatus.UNPROCESSABLE_ENTITY if request.method == "POST" else HTTPStatus.OK


def _revision(request: HtmxRequest) -> int:
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
