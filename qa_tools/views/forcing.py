"""Pages of the QA tools: check a user, forced users."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import signed_in_actor
from audience.catalogue import load_catalogue
from core.errors import FieldError, InvalidInput, NotFound
from experiments.models import Kind
from experiments.selectors import visible_experiments
from experiments.services import force_user, unforce_user
from qa_tools.explaining import readable_profile
from qa_tools.forms import CheckForm, ForceForm
from qa_tools.selectors import forced_users, forcible_tests, removable_ids
from qa_tools.services import Check, check_user

PAGE_SIZE = 50


@require_GET
def user_check(request: HttpRequest) -> HttpResponse:
    """Every test for one user: the variant or why there is none. The address holds the question, so it can be sent around."""
    catalogue = load_catalogue()
    form = CheckForm(request.GET or None, catalogue=catalogue)
    tests = {test.key: test for test in visible_experiments(signed_in_actor(request), Kind.TEST)}
    check: Check | None = None
    if form.is_bound and form.is_valid():
        subject = form.subject([key for key, test in tests.items() if test.side != "server"])
        check = check_user(subject, form.cleaned_data["environment"] or "production")
    rows = [(tests.get(answer.test), answer) for answer in check.answers] if check else []
    user = check.subject.user if check else None
    profile = readable_profile(user.attributes, catalogue) if user else []
    context = {"form": form, "check": check, "rows": rows, "profile": profile}
    return render(request, "qa_tools/check.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def forced_list(request: HttpRequest) -> HttpResponse:
    """Everybody who is forced; a POST adds one."""
    actor = signed_in_actor(request)
    tests = forcible_tests(actor)
    form = ForceForm(request.POST if request.method == "POST" else None, tests=tests)
    if request.method == "POST" and form.is_valid():
        experiment, variant = form.target_of()
        given = form.cleaned_data
        try:
            if experiment is None:
                raise InvalidInput([FieldError("target", "Choose a test and a variant.")])
            forced = force_user(
                actor,
                experiment,
                variant,
                given["environment"],
                user_id=given["user_id"],
                device_id=given["device_id"],
                reason=given["reason"],
                expires_at=form.expires_at(),
            )
        except InvalidInput as refusal:
            form.refuse(InvalidInput([_in_form(error) for error in refusal.errors]))
        else:
            messages.success(request, f"Forced: {forced}. App servers have it within seconds.")
            return redirect("qa_tools:forced_list")
    rows = forced_users(actor)
    search = request.GET.get("q", "").replace("\x00", "")[:200]
    if search:
        rows = (
            rows.filter(user_id=search) | rows.filter(device_id=search) | rows.filter(experiment__key=search)
        )
    context = {
        "form": form,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "search": search,
        "may_force": bool(tests),
        "removable": removable_ids(actor),
    }
    return render(request, "qa_tools/forced.html", context, status=422 if form.errors else 200)


@require_POST
def forced_remove(request: HttpRequest, forced_id: int) -> HttpResponse:
    """Let one go."""
    actor = signed_in_actor(request)
    forced = forced_users(actor).filter(pk=forced_id).first()
    if forced is None:
        raise NotFound("There is no such forced user; perhaps somebody removed it a moment ago.")
    unforce_user(actor, forced_id)
    messages.success(request, f"No longer forced: {forced}.")
    return redirect("qa_tools:forced_list")


def _in_form(error: FieldError) -> FieldError:
    return FieldError(
        {"variant": "target", "expires_at": "expires_on"}.get(error.path, error.path), error.message
    )
