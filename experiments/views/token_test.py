"""A test that begins with a text of the application: a draft whose editor opens with the token picked."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from core.errors import InvalidInput, NotFound
from core.http import HtmxRequest
from core.text import unstorable_text
from experiments.forms.app_texts import TokenTestForm, proposed_key
from experiments.models import Kind
from experiments.models.app_text import MAX_TOKEN
from experiments.services import create_experiment
from experiments.text_uses import uses_of_tokens
from experiments.views.app_texts import changing_actor, texts_of


@require_http_methods(["GET", "HEAD", "POST"])
def token_test_create(request: HtmxRequest) -> HttpResponse:
    """Name and key of the draft; then its editor."""
    actor = changing_actor(request)
    token = (request.POST if request.method == "POST" else request.GET).get("token", "").strip()
    texts = [] if unstorable_text(token) or len(token) > MAX_TOKEN else texts_of([token])[token]
    if not texts:
        raise NotFound(gettext("There is no text “%(token)s” here.") % {"token": token[:80]})
    status = 200
    form = TokenTestForm(initial={"name": f"Text of {token}"[:200], "key": proposed_key(token)})
    if request.method == "POST":
        form, status = TokenTestForm(request.POST), 422
        if form.is_valid():
            try:
                experiment = create_experiment(actor, Kind.TEST, form.cleaned_data)
            except InvalidInput as refusal:
                form.refuse(refusal)
            else:
                said = gettext("“%(name)s” is a draft now. Next: the other texts, and who gets them.")
                messages.success(request, said % {"name": experiment.name})
                editor = reverse(
                    "experiments:settings_create", kwargs={"kind": "test", "key": experiment.key}
                )
                return HttpResponseRedirect(f"{editor}?{urlencode({'token': token})}#texts")
    context = {
        "form": form,
        "token": token,
        "texts": texts,
        "uses": uses_of_tokens(actor, [token]).get(token, []),
    }
    return render(request, "experiments/texts/test.html", context, status=status)
