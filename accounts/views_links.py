"""One-time links: whoever holds one chooses the password of the person it is for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms_people import ChoosePasswordForm
from accounts.models import User
from accounts.password_links import is_valid_link
from accounts.people import choose_password
from core.errors import Conflict, InvalidInput
from core.http import HtmxRequest

_KEPT: Final = "password_link"


@login_not_required
@never_cache
@require_safe
def link_open(request: HtmxRequest, person_id: int, token: str) -> HttpResponse:
    """The address in the mail. On to one without the token in it, which no log and no history keeps; looking uses nothing up."""
    if _holder(person_id, token) is None:
        return _gone(request)
    request.session[_KEPT] = [person_id, token]
    return redirect("accounts:password_choose")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def password_choose(request: HtmxRequest) -> HttpResponse:
    """The form for the new password; sent, it uses the link up."""
    person_id, token = request.session.get(_KEPT) or (0, "")
    person = _holder(person_id, token)
    if person is None:
        return _gone(request)
    form = ChoosePasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            choose_password(person_id, token, form.cleaned_data["password"])
        except InvalidInput as refusal:
            form.refuse(refusal)
        except Conflict:
            return _gone(request)
        else:
            del request.session[_KEPT]
            words = gettext("Your password is set. Sign in as %(username)s.")
            messages.success(request, words % {"username": person.username})
            return redirect("accounts:login")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if request.method == "POST" else HTTPStatus.OK
    return render(request, "accounts/password_choose.html", {"form": form, "person": person}, status=status)


def _holder(person_id: int, token: str) -> User | None:
    """Whom the link is for, if it works."""
    person = User.objects.filter(pk=person_id).first() if person_id < 2**63 else None
    return person if person is not None and is_valid_link(person, token) else None


def _gone(request: HtmxRequest) -> HttpResponse:
    request.session.pop(_KEPT, None)
    return render(request, "accounts/link_gone.html", status=HTTPStatus.GONE)
