"""The guided first test: its page, the strip on the page of the test, and what the person decides about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import signed_in_actor
from console.first_test import STEPS, next_step, steps_of
from console.first_test_facts import (
    Guidance,
    addresses_of,
    choices_for,
    ground,
    guidance_for,
    guided_person,
    known_of,
    own_test,
)
from console.services import dismiss_first_test, follow_test, say_tried
from core.errors import Conflict
from core.http import HtmxRequest


@require_safe
def first_test_page(request: HtmxRequest) -> HttpResponse:
    """Nine steps and how far this person is."""
    actor = signed_in_actor(request)
    guided_person(actor)
    guidance = guidance_for(actor)
    assert guidance is not None
    context = _context(guidance) | {
        "ground": ground(),
        "choices": choices_for(actor),
        "may_load": actor.is_superuser,
        "is_dismissed": not guidance.is_active,
    }
    return render(request, "console/first_test/page.html", context)


@require_safe
def first_test_strip(request: HtmxRequest, key: str) -> HttpResponse:
    """One line for the page of the test that is followed; nothing for every other."""
    guidance = guidance_for(signed_in_actor(request))
    if not request.htmx:
        return redirect("console:first_test")
    followed = guidance.experiment if guidance is not None and guidance.is_active else None
    if guidance is None or followed is None or followed.key != key:
        return HttpResponse()
    return render(request, "console/first_test/strip.html", _context(guidance))


@require_POST
def first_test_follow(request: HtmxRequest) -> HttpResponse:
    """Another test, or the next new one."""
    actor = signed_in_actor(request)
    person = guided_person(actor)
    key = request.POST.get("key", "")
    experiment = own_test(actor, key) if key else None
    if key and experiment is None:
        raise Http404
    follow_test(person, experiment)
    return redirect("console:first_test")


@require_POST
def first_test_tried(request: HtmxRequest) -> HttpResponse:
    """They have looked at what a user gets."""
    actor = signed_in_actor(request)
    guided_person(actor)
    guidance = guidance_for(actor)
    if guidance is None or guidance.experiment is None:
        raise Conflict(gettext("There is no test yet that could have been tried out: make one first."))
    say_tried(guidance.person, guidance.experiment)
    return redirect("console:first_test")


@require_POST
def first_test_dismiss(request: HtmxRequest) -> HttpResponse:
    """No more of it."""
    actor = signed_in_actor(request)
    person, guidance = guided_person(actor), guidance_for(actor)
    dismiss_first_test(person, guidance.experiment if guidance is not None else None)
    messages.success(request, gettext("The first test is put away. It is still there under Help."))
    return redirect("console:home")


def _context(guidance: Guidance) -> dict[str, Any]:
    known = known_of(guidance)
    steps = steps_of(known, addresses_of(guidance.experiment, known))
    return {
        "experiment": guidance.experiment,
        "known": known,
        "steps": steps,
        "next": next_step(steps),
        "count": STEPS,
        "done": sum(step.state == "done" for step in steps),
    }
