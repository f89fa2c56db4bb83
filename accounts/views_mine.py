"""The page on which people set what is their own."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext, override
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language

from accounts.forms_mine import OwnPasswordForm, OwnSettingsForm
from accounts.models import User
from accounts.own_settings import save_own_password, save_own_settings
from accounts.preferences import language_of
from accounts.requests import signed_in_person
from accounts.throttling import look, take
from core import clock
from core.errors import InvalidInput

# Whoever finds an open session may not try passwords in it.
WRONG_PASSWORDS_A_MINUTE: Final = 10


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def mine(request: HttpRequest) -> HttpResponse:
    """Language, time zone and address; the password has a form of its own below."""
    person = signed_in_person(request)
    form = OwnSettingsForm(request.POST if request.method == "POST" else None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            request.user = save_own_settings(person, **form.cleaned_data)
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            response = redirect("accounts:mine")
            # What was chosen before signing in would go before the browser's.
            response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
            request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None)
            with override(language_of(request)):
                messages.success(request, gettext("Saved."))
            return response
    return _page(request, person, form, OwnPasswordForm(person))


@sensitive_post_parameters()
@require_POST
@never_cache
def password_change(request: HttpRequest) -> HttpResponse:
    """A new password, by who knows the old one. This session goes on; all others end."""
    person = signed_in_person(request)
    guess = ("own-password", str(person.pk), WRONG_PASSWORDS_A_MINUTE)
    if (allowance := look(*guess)).is_used_up:
        words = gettext("Too many attempts. Try again in %(seconds)s seconds.") % {"seconds": allowance.reset}
        form = OwnPasswordForm(person)
        answer = _page(request, person, OwnSettingsForm(person=person), form, refusal=words, status=429)
        answer.headers["Retry-After"] = str(allowance.reset)
        return answer
    form = OwnPasswordForm(person, request.POST)
    if not form.is_valid():
        if "old_password" in form.errors:
            take(*guess)
        return _page(request, person, OwnSettingsForm(person=person), form)
    update_session_auth_hash(request, save_own_password(person, form.cleaned_data["new_password1"]))
    messages.success(
        request, gettext("Your password is changed. Wherever else you were signed in, you are not any more.")
    )
    return redirect("accounts:mine")


@login_not_required
@require_POST
def language_choose(request: HttpRequest) -> HttpResponseBase:
    """Before anybody is signed in: the language, kept in a cookie, and back to where one was."""
    return set_language(request)


def _page(
    request: HttpRequest,
    person: User,
    form: OwnSettingsForm,
    password: OwnPasswordForm,
    *,
    refusal: str = "",
    status: int = 0,
) -> HttpResponse:
    context = {"form": form, "password": password, "refusal": refusal, "person": person, "now": clock.now()}
    is_wrong = bool(form.errors or password.errors)
    usual = HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK
    return render(request, "accounts/mine.html", context, status=status or usual)
