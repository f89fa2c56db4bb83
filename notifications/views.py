"""Pages of notifications."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from accounts.models import User
from accounts.requests import signed_in_actor, signed_in_person
from core.errors import DomainError, InvalidInput, NotFound
from core.http import HtmxRequest
from core.text import unstorable_text
from notifications.forms import WAITING, HabitsForm, RecordSearchForm
from notifications.kinds import EVENTS, EventKind
from notifications.models import ChannelKind, Delivery, Habits, Mute
from notifications.planning import ISSUE, direct_connection
from notifications.record_rows import record_rows
from notifications.selectors import OPEN_STATES, deliveries_for
from notifications.services import mute, resend, save_habits, save_muted_kinds, unmute
from notifications.unsubscribing import read_unsubscribe

PAGE_SIZE = 50


@require_safe
def record(request: HtmxRequest) -> HttpResponse:
    """Who was told what, on which channel, and how that went; as filtered."""
    actor = signed_in_actor(request)
    form = RecordSearchForm(request.GET)
    given = form.cleaned_data if form.is_valid() else {}
    page = Paginator(_searched(actor, deliveries_for(actor), given), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context: dict[str, Any] = {
        "form": form,
        "page": page,
        "rows": record_rows(actor, page),
        "searched": any(given.values()),
    }
    part = "#results" if request.htmx and not request.htmx.boosted else ""
    return render(request, f"notifications/record.html{part}", context)


def _searched(actor: Actor, rows: QuerySet[Delivery], given: dict[str, Any]) -> QuerySet[Delivery]:
    """Addresses are found by superusers only: nobody else shall find out by trying which ones people have."""
    text = given.get("q", "")
    if text and not unstorable_text(text):
        found = Q(recipient__startswith=ISSUE, recipient__icontains=text)
        if actor.is_superuser:
            found |= Q(recipient__icontains=text)
        about = ("event__experiment__key", "event__experiment__name", "connection__name")
        whose = ("person__username", "person__first_name", "person__last_name")
        for column in (*about, *whose):
            found |= Q(**{f"{column}__icontains": text})
        rows = rows.filter(found)
    if given.get("state") == WAITING:
        rows, given = rows.filter(state__in=OPEN_STATES), {**given, "state": ""}
    columns = {"event__kind": "event", "channel": "channel", "connection": "connection", "state": "state"}
    return rows.filter(**{column: given[name] for column, name in columns.items() if given.get(name)})


@require_POST
def delivery_resend(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Try one again at once."""
    actor = signed_in_actor(request)
    delivery = deliveries_for(actor).filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound(gettext("There is no such delivery."))
    try:
        resend(actor, delivery_id)
    except DomainError as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, gettext("It is tried again within seconds."))
    experiment = delivery.event.experiment
    if request.POST.get("from") == "card" and experiment is not None:
        return redirect("notifications:card", kind=experiment.kind, key=experiment.key)
    # To what one looked at before, filters and page included.
    asked = request.GET.urlencode()
    return redirect(f"{reverse('notifications:record')}{f'?{asked}' if asked else ''}")


@require_http_methods(["GET", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """What one hears of, when and how."""
    person = signed_in_person(request)
    habits = Habits.objects.filter(person=person).first() or Habits(person=person)
    of_account = ("email", "time_zone")
    initial = {
        name: getattr(person if name in of_account else habits, name) for name in HabitsForm.base_fields
    }
    has_chat = direct_connection() is not None
    posted = request.method == "POST"
    form = HabitsForm(request.POST if posted else None, initial=initial, has_chat=has_chat)
    if posted and form.is_valid():
        given = {"direct": habits.direct, **form.cleaned_data}
        try:
            # A browser that sends no choice keeps the one that is there.
            save_habits(person, **{**given, "direct": given["direct"] or habits.direct})
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            save_muted_kinds(person, set(EVENTS) - set(request.POST.getlist("wanted")))
            messages.success(request, gettext("Saved."))
            return redirect("notifications:mine")
    # A refused form keeps the boxes as they were ticked, too.
    wanted = set(request.POST.getlist("wanted")) if posted else set(EVENTS) - _unwanted(person, habits)
    context = {
        "form": form,
        "has_chat": has_chat,
        "events": [
            {"kind": kind.value, "spec": spec, "wanted": kind in wanted} for kind, spec in EVENTS.items()
        ],
        "quiet_tests": [
            {"mute": row, "label": EVENTS[EventKind(row.kind)].label if row.kind else ""}
            for row in Mute.objects.filter(person=person, experiment__isnull=False)
            .select_related("experiment")
            .order_by("experiment__key", "kind")
        ],
    }
    return render(request, "notifications/mine.html", context, status=422 if form.errors else 200)


def _unwanted(person: User, habits: Habits) -> set[str]:
    """The events that the person does not hear of on the way that is theirs; a mail's link ends mails only."""
    rows = Mute.objects.filter(person=person, experiment=None, channel__in=["", habits.direct])
    return set(rows.values_list("kind", flat=True))


@require_POST
def mute_remove(request: HttpRequest, mute_id: int) -> HttpResponse:
    """Hear of a test, or of one of its events, again."""
    person = signed_in_person(request)
    found = Mute.objects.filter(pk=mute_id, person=person).first()
    if found is not None:
        unmute(person, experiment=found.experiment, kind=found.kind, channel=found.channel)
        messages.success(request, gettext("You hear of it again."))
    return redirect("notifications:mine")


@login_not_required
@csrf_exempt  # mail programs post it by themselves (RFC 8058); the address is signed and does this one thing
@never_cache
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ends mails of one kind. A GET asks first, as programs that look at links for people follow them."""
    found = read_unsubscribe(token)
    person = User.objects.filter(pk=found[0]).first() if found else None
    if found is None or person is None:
        raise NotFound(gettext("This link is not one of ours, or was cut off in the mail."))
    if request.method == "POST":
        mute(person, kind=found[1], channel=ChannelKind.MAIL)
    context = {"label": EVENTS[found[1]].label, "done": request.method == "POST"}
    return render(request, "notifications/unsubscribe.html", context)
