"""All tests off: for whom, until when, and which app servers have it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import signed_in_actor
from core.errors import InvalidInput, NotFound
from core.http import HtmxRequest
from experiments.models import TestsOff
from experiments.services import switch_tests_off, switch_tests_on
from qa_tools.forms.forcing import TestsOffForm
from qa_tools.selectors import may_switch_tests_off, people_without_tests
from qa_tools.spread import spread_of_tests_off
from qa_tools.views.rows import PAGE_SIZE, next_poll, read_search, template_of


@require_http_methods(["GET", "HEAD", "POST"])
def tests_off_list(request: HtmxRequest) -> HttpResponse:
    """Everybody for whom all tests are off; a POST adds one."""
    actor = signed_in_actor(request)
    form = TestsOffForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            off = switch_tests_off(
                actor,
                user_id=given["user_id"],
                device_id=given["device_id"],
                reason=given["reason"],
                expires_at=form.expires_at(),
            )
        except InvalidInput as refusal:
            form.complain(refusal)
        else:
            said = gettext("All tests are off for %(who)s. App servers have it within seconds.")
            messages.success(request, said % {"who": off})
            return redirect("qa_tools:tests_off_list")
    context = _list_context(request) | {"form": form, "may_switch": may_switch_tests_off(actor)}
    template = template_of(request, "qa_tools/tests_off/page.html")
    return render(request, template, context, status=422 if form.errors else 200)


@require_POST
def tests_off_remove(request: HtmxRequest, off_id: int) -> HttpResponse:
    """Switch tests on again."""
    actor = signed_in_actor(request)
    off = people_without_tests().filter(pk=off_id).first()
    if off is None:
        raise NotFound(gettext("Tests are on for that user or device; perhaps somebody did it a moment ago."))
    switch_tests_on(actor, off_id)
    said = gettext("Tests are on again for %(who)s. App servers have it within seconds.")
    messages.success(request, said % {"who": off})
    return redirect("qa_tools:tests_off_list")


def _list_context(request: HtmxRequest) -> dict[str, Any]:
    search = read_search(request.GET)
    page = Paginator(people_without_tests(search), PAGE_SIZE).get_page(request.GET.get("page"))
    rows: list[TestsOff] = list(page.object_list)
    spread = spread_of_tests_off(rows)
    return {
        "page": page,
        "rows": [(row, spread[row.pk]) for row in rows],
        "search": search,
        "polls": next_poll(request, is_moving=any(one.is_moving for one in spread.values())),
    }
