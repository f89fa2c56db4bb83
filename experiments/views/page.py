"""The page of one test or user group, and its verbs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import Conflict, InvalidInput, NotAllowed
from core.http import HtmxRequest
from experiments.consequences import (
    VERB_LABELS,
    consequences,
    done_in_words,
    lifecycle_steps,
    outside_dates,
    reach,
)
from experiments.forms.finish import FinishForm
from experiments.lifecycle import Status, Verb, verbs_from
from experiments.models import StartApproval
from experiments.readiness import checklist_of, obstacle
from experiments.selectors import verbs_for
from experiments.services import apply_verb, approve_start, request_approval
from experiments.views.access import Access, access_to, acting_access_to
from experiments.views.history import latest_context
from experiments.views.settings_card import settings_context

# What leads on; the other verbs are not what most people come for.
_FORWARD = frozenset({Verb.PUBLISH, Verb.START, Verb.RESUME})


@require_safe
def experiment_page(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """Header, checklist and cards; what needs much counting loads by itself."""
    return _whole_page(request, access_to(request, kind, key))


@require_safe
def experiment_header(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The part above the cards, for when something in a card changed what is possible."""
    return render(request, "experiments/page.html#header", _header_context(access_to(request, kind, key)))


@require_http_methods(["GET", "HEAD", "POST"])
def experiment_verb(request: HtmxRequest, kind: str, key: str, verb: str) -> HttpResponse:
    """GET asks "really?" and says what will happen; POST does it, if the test still is what the person saw."""
    access = acting_access_to(request, kind, key)
    wanted = Verb(verb)
    form = FinishForm(access.experiment, request.POST or None) if wanted == Verb.FINISH else None
    if request.method != "POST":
        if wanted not in verbs_from(Status(access.experiment.status)):
            return _whole_page(request, access, status=409, refusal=_wrong_verb(access, wanted))
        return _question(request, access, wanted, form)
    if form is not None and not form.is_valid():
        return _question(request, access, wanted, form, status=422)
    try:
        changed = apply_verb(
            access.actor,
            access.experiment,
            wanted,
            form.ending() if form is not None else None,
            request.POST.get("expected_status") or None,
        )
    except InvalidInput as refusal:
        if form is None:
            raise
        form.refuse(refusal)
        return _question(request, access, wanted, form, status=422)
    except Conflict as refusal:
        return _whole_page(request, access_to(request, kind, key), status=409, refusal=refusal.detail)
    messages.success(request, done_in_words(changed, wanted))
    return redirect("experiments:experiment_page", kind=kind, key=changed.key)


@require_POST
def approval(request: HtmxRequest, kind: str, key: str, step: str) -> HttpResponse:
    """Ask a second person for their word, or give it."""
    access = access_to(request, kind, key)
    act = {"ask": request_approval, "approve": approve_start}[step]
    try:
        act(access.actor, access.experiment)
    except (Conflict, NotAllowed) as refusal:
        return _whole_page(
            request, access_to(request, kind, key), status=refusal.status, refusal=refusal.detail
        )
    messages.success(
        request,
        gettext("Asked: now a second person has to approve.")
        if step == "ask"
        else gettext("Approved: it can be started."),
    )
    return redirect("experiments:experiment_page", kind=kind, key=key)


def _wrong_verb(access: Access, verb: Verb) -> str:
    experiment = access.experiment
    return gettext("“%(key)s” is %(status)s by now, so “%(verb)s” is not possible.") % {
        "key": experiment.key,
        "status": experiment.get_status_display().lower(),
        "verb": VERB_LABELS[verb],
    }


def _question(
    request: HtmxRequest, access: Access, verb: Verb, form: FinishForm | None, status: int = 200
) -> HttpResponse:
    """The section that asks; inside the page for htmx, else the page around it."""
    question: dict[str, Any] = {
        "question": consequences(access.experiment, verb),
        "verb": verb.value,
        "obstacle": obstacle(access.experiment, verb),
        "form": form,
    }
    if request.htmx:
        context = question | {"access": access, "experiment": access.experiment}
        return render(request, "experiments/page.html#question", context, status=status)
    return _whole_page(request, access, status=status, **question)


def _whole_page(
    request: HtmxRequest, access: Access, status: int = 200, refusal: str = "", **more: Any
) -> HttpResponse:
    context = {
        **_header_context(access),
        **settings_context(access),
        **latest_context(access, people_only=False),
        "refusal": refusal,
        **more,
    }
    return render(request, "experiments/page.html", context, status=status)


def _header_context(access: Access) -> dict[str, Any]:
    experiment = access.experiment
    return {
        "access": access,
        "experiment": experiment,
        "kind": experiment.kind,
        "steps": lifecycle_steps(experiment),
        "outside": outside_dates(experiment) if experiment.status == Status.RUNNING else "",
        "verbs": [
            {
                "name": verb.value,
                "label": VERB_LABELS[verb],
                "obstacle": obstacle(experiment, verb),
                "is_forward": verb in _FORWARD,
            }
            for verb in verbs_for(access.actor, experiment)
        ],
        "checklist": [
            {"section": section, "label": VERB_LABELS[section.verb]} for section in checklist_of(experiment)
        ],
        "approval": _approval(access),
    }


def _approval(access: Access) -> dict[str, Any] | None:
    """What the header says of the second person's word; None when none is needed now."""
    experiment = access.experiment
    if not settings.START_NEEDS_APPROVAL or experiment.status != Status.DEV or experiment.current is None:
        return None
    row = (
        StartApproval.objects.select_related("requested_by", "approved_by")
        .filter(settings_group=experiment.current)
        .first()
    )
    is_own = row is not None and access.actor.user is not None and row.requested_by_id == access.actor.user.pk
    may_approve = row is not None and row.approved_by is None and access.may_approve and not is_own
    return {
        "row": row,
        "reach": reach(experiment) if may_approve else "",
        "may_ask": row is None and access.may_act,
        "may_approve": may_approve,
        "is_own": is_own,
    }
