"""The settings card: what is current, what is being prepared, what waits, what was."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from audience.catalogue import load_catalogue
from audience.conditions import describe_conditions
from audience.specs import Catalogue
from core.errors import Conflict
from core.http import HtmxRequest
from experiments.audience_report import moves_between
from experiments.consequences import attachment
from experiments.forms.search import read_number
from experiments.list_rows import audience_totals
from experiments.models import Draw, PreparationState, SettingsGroup
from experiments.selectors import settings_group_of, shown_keys
from experiments.services import attach_settings_group, copy_settings_group, retry_preparation
from experiments.services.differences import differences
from experiments.split_groups import as_ranges, owned_by
from experiments.views.access import Access, access_to, acting_access_to

OLDER_SHOWN = 10
VERSIONS_OFFERED = 500


@require_safe
def settings_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The whole card, afresh."""
    access = access_to(request, kind, key)
    if not request.htmx:
        return redirect("experiments:experiment_page", kind=kind, key=key)
    return render(request, "experiments/settings/card.html", settings_context(access))


@require_safe
def preparation_progress(request: HtmxRequest, kind: str, key: str, number: int) -> HttpResponse:
    """How far one preparation is. While it is open the answer asks again in a second; after that it wakes the cards."""
    access = access_to(request, kind, key)
    settings_group = settings_group_of(access.experiment, number)
    context = {
        "experiment": access.experiment,
        "group": settings_group,
        "preparation": settings_group.preparation,
    }
    response = render(request, "experiments/settings/progress.html", context)
    if settings_group.preparation.is_open:
        return response
    return trigger_client_event(response, "settings-changed")


@require_safe
def settings_group_page(request: HtmxRequest, kind: str, key: str, number: int) -> HttpResponse:
    """One settings group in full, with what differs from the one before, or from those of `?against=`."""
    access = access_to(request, kind, key)
    settings_group = settings_group_of(access.experiment, number)
    all_of_them = access.experiment.settings_groups
    against = read_number(request.GET, "against")
    before = (
        settings_group_of(access.experiment, against)
        if against
        else all_of_them.filter(number__lt=number).order_by("-number").first()
    )
    context = {
        "access": access,
        "experiment": access.experiment,
        "kind": kind,
        "shown": _shown(settings_group, load_catalogue(), access),
        "split_groups": _split_groups(settings_group),
        "before": before,
        "changes": differences(before, settings_group) if before else [],
        "others": all_of_them.exclude(number=number)
        .order_by("-number")
        .values_list("number", flat=True)[:VERSIONS_OFFERED],
        "is_current": access.experiment.current_id == settings_group.pk,
    }
    if request.htmx:
        return render(request, "experiments/settings/group.html#changes", context)
    return render(request, "experiments/settings/group.html", context)


@require_POST
def settings_act(request: HtmxRequest, kind: str, key: str, number: int, act: str) -> HttpResponse:
    """Attach prepared settings, prepare failed ones again, or take up older ones."""
    access = acting_access_to(request, kind, key)
    do = {"attach": attach_settings_group, "retry": retry_preparation, "copy": copy_settings_group}[act]
    refusal, status = "", 200
    try:
        do(access.actor, access.experiment, number)
    except Conflict as conflict:
        refusal, status = conflict.detail, 409
    if not request.htmx:
        _tell(request, act, number, refusal)
        return redirect("experiments:experiment_page", kind=kind, key=key)
    done = _done(act, number) if act == "attach" and not refusal else ""
    context = settings_context(access_to(request, kind, key)) | {"refusal": refusal, "done": done}
    card = render(request, "experiments/settings/card.html", context, status=status)
    return trigger_client_event(card, "experiment-changed")


def settings_context(access: Access) -> dict[str, Any]:
    """Everything the card shows."""
    experiment, catalogue = access.experiment, load_catalogue()
    groups = list(
        experiment.settings_groups.select_related("preparation", "created_by")
        .prefetch_related("variants")
        .order_by("-number")[: OLDER_SHOWN + 10]
    )
    current = next((group for group in groups if group.pk == experiment.current_id), None)
    if current is None and experiment.current_id is not None:
        current = SettingsGroup.objects.select_related("preparation", "created_by").get(
            pk=experiment.current_id
        )
    newer = [group for group in groups if current is None or group.number > current.number]
    totals = audience_totals([current.pk]).get(current.pk) if current else None
    return {
        "access": access,
        "experiment": experiment,
        "kind": experiment.kind,
        "current": _shown(current, catalogue, access) if current else None,
        "totals": totals,
        "open": [group for group in newer if group.preparation.is_open],
        "failed": [group for group in newer[:1] if group.preparation.state == PreparationState.FAILED],
        "waiting": [
            _waiting(group, current) for group in newer if group.preparation.state == PreparationState.READY
        ][:1],
        "older": [group for group in groups if group not in newer and group != current][:OLDER_SHOWN],
    }


def _waiting(group: SettingsGroup, current: SettingsGroup | None) -> dict[str, Any]:
    """Prepared settings, and what attaching them would change."""
    return {
        "group": group,
        "changes": differences(current, group),
        "reached": attachment(group, current) if current else [],
        "moves": moves_between(current, group) if current else None,
    }


def _shown(group: SettingsGroup, catalogue: Catalogue, access: Access) -> dict[str, Any]:
    return {
        "group": group,
        "exclusive_with": shown_keys(access.actor, group.exclusive_with),
        "sentence": describe_conditions(group.conditions, catalogue),
        "variants": list(group.variants.all()),
        "texts": [
            (token, variant, language, text)
            for token, variants in group.tokens.items()
            for variant, languages in variants.items()
            for language, text in languages.items()
        ],
    }


def _split_groups(settings_group: SettingsGroup) -> list[tuple[str, str]]:
    """(variant, its split groups as people write ranges), for those that are drawn."""
    draw = Draw.objects.filter(settings_group=settings_group).first()
    if draw is None:
        return []
    return [
        (
            variant.name,
            ", ".join(
                str(first) if first == last else f"{first}–{last}"
                for first, last in as_ranges(owned_by(draw.owners, variant.position))
            ),
        )
        for variant in settings_group.variants.all()
    ]


def _tell(request: HtmxRequest, act: str, number: int, refusal: str) -> None:
    if refusal:
        messages.error(request, refusal)
        return
    messages.success(request, _done(act, number))


def _done(act: str, number: int) -> str:
    done = {
        "attach": gettext("Settings %(number)s are current now.") % {"number": number},
        "retry": gettext("Settings %(number)s are being prepared again.") % {"number": number},
        "copy": gettext("Settings %(number)s are taken up again under a new number.") % {"number": number},
    }
    return done[act]
