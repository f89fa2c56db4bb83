"""Pages of notifications."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import User
from core.errors import NotFound
from notifications.kinds import EVENTS
from notifications.models import ChannelKind
from notifications.services import mute
from notifications.unsubscribing import read_unsubscribe


@login_not_required
@csrf_exempt  # mail programs post it by themselves (RFC 8058); the address is signed and does this one thing
@never_cache
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ends mails of one kind. A GET asks first, as programs that look at links for people follow them."""
    found = read_unsubscribe(token)
    person = User.objects.filter(pk=found[0]).first() if found else None
    if found is None or person is None:
        raise NotFound("This link is not one of ours, or was cut off in the mail.")
    if request.method == "POST":
        mute(person, kind=found[1], channel=ChannelKind.MAIL)
    context = {"label": EVENTS[found[1]].label, "done": request.method == "POST"}
    return render(request, "notifications/unsubscribe.html", context)
