"""Signing in and out, and API tokens."""

from __future__ import annotations

import zlib
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.forms import SignInForm, TokenForm
from accounts.kept_forms import read_kept_form
from accounts.models import ApiToken, User
from accounts.requests import client_address, signed_in_actor, signed_in_person
from accounts.services import create_token, revoke_token
from accounts.shown_once import keep_secret, take_secret
from accounts.throttling import look, take
from core import clock
from core.errors import InvalidInput
from core.http import HtmxRequest
from core.text import unstorable_text

# A person may err about their password so often in a minute, from one network address.
WRONG_PASSWORDS_A_MINUTE: Final = 10
PAGE_SIZE: Final = 50
_MAX_USERNAME: Final = 150


@method_decorator([login_not_required, never_cache], name="dispatch")
class SignIn(auth_views.LoginView):
    """The sign-in page. A session that ended under an htmx request leads the whole page here and back to where it was."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        htmx: HtmxDetails | None = getattr(request, "htmx", None)
        if htmx:
            return _whole_page_sign_in(request, htmx)
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Guesses are refused before the password is looked at: checking one costs a moment of a processor."""
        seconds = max((look(*guess).reset for guess in self._guesses() if look(*guess).is_used_up), default=0)
        if not seconds:
            return super().post(request, *args, **kwargs)
        form = SignInForm(request)
        context = self.get_context_data(
            form=form, refusal=gettext("Too many attempts. Try again in %(n)s seconds.") % {"n": seconds}
        )
        return self.render_to_response(context, status=429, headers={"Retry-After": str(seconds)})

    def _guesses(self) -> list[tuple[str, str, int]]:
        """What is counted: of one name from one address, so that nobody is locked out by others; and all from that address."""
        address = client_address(self.request)
        name = zlib.crc32(self.request.POST.get("username", "").casefold().encode("utf-8", "surrogatepass"))
        return [
            ("wrong-password", f"{address}:{name}", WRONG_PASSWORDS_A_MINUTE),
            ("wrong-passwords", address, settings.REFUSED_PASSWORDS_A_MINUTE),
        ]

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(**more) | {"kept": read_kept_form(self.request.POST.get("kept", ""))}

    def form_valid(self, form: Any) -> HttpResponse:
        """Signed in. A form that came too late is asked about, not sent by itself: somebody else may sit here now."""
        response = super().form_valid(form)
        kept = read_kept_form(self.request.POST.get("kept", ""))
        if kept is None:
            return response
        return render(self.request, "accounts/kept_form.html", {"kept": kept, "next": response["Location"]})

    def form_invalid(self, form: Any) -> HttpResponse:
        for guess in self._guesses():
            take(*guess)
        return self.render_to_response(self.get_context_data(form=form), status=422)


def _whole_page_sign_in(request: HttpRequest, htmx: HtmxDetails) -> HttpResponse:
    """The browser followed a redirect meant for a fragment: tell htmx to load the page, and to come back to the page it is on.

    A list that was being narrowed comes back as it was asked for, not as it was before.
    """
    query = QueryDict(mutable=True)
    try:
        here = urlsplit(htmx.current_url_abs_path or "/")
    except ValueError:
        here = urlsplit("/")
    path, _, asked = request.GET.get("next", "").partition("?")
    if asked and path == here.path:
        here = here._replace(query=asked)
    query["next"] = here.path + (f"?{here.query}" if here.query else "")
    return HttpResponseClientRedirect(f"{resolve_url('accounts:login')}?{query.urlencode(safe='/')}")


@require_http_methods(["GET", "POST"])
@never_cache
def token_list(request: HtmxRequest) -> HttpResponse:
    """One's own tokens, or for superusers everybody's; a POST makes a new one, which the page after it shows this once."""
    actor = signed_in_actor(request)
    form = TokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            _, secret = create_token(
                actor, given["name"], given["scopes"], given["environment"], form.expires_at()
            )
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            keep_secret(request.session, secret)
            return redirect(request.get_full_path())
    everybodys = actor.is_superuser and "everybody" in request.GET
    owner = _owner_asked_for(request) if everybodys else None
    tokens = ApiToken.objects.select_related("owner").by_use(clock.now())
    if owner is not None:
        tokens = tokens.filter(owner=owner)
    elif not everybodys:
        tokens = tokens.filter(owner=signed_in_person(request))
    context = {
        "form": form,
        "page": Paginator(tokens, PAGE_SIZE).get_page(request.GET.get("page")),
        "everybodys": everybodys,
        "owner": owner,
        "may_see_all": actor.is_superuser,
        "secret": take_secret(request.session) if request.method == "GET" else "",
        "now": clock.now(),
    }
    return render(request, "accounts/tokens.html", context, status=422 if form.is_bound else 200)


def _owner_asked_for(request: HtmxRequest) -> User | None:
    """Whose tokens alone are wanted; somebody unknown is nobody in particular."""
    name = request.GET.get("owner", "")
    known = name and len(name) <= _MAX_USERNAME and unstorable_text(name) is None
    return User.objects.filter(username=name).first() if known else None


@require_POST
def token_revoke(request: HtmxRequest, token_id: int) -> HttpResponse:
    """Make one's own token useless; superusers, anybody's."""
    token = revoke_token(signed_in_actor(request), token_id)
    words = gettext("The token “%(name)s” is revoked; it stops working now.")
    messages.success(request, words % {"name": token.name})
    return redirect(
        resolve_url("accounts:token_list") + ("?everybody" if "everybody" in request.POST else "")
    )
