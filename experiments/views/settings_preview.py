"""What stands below the conditions while somebody edits them: one sentence, and how many users that is."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from audience.catalogue import load_catalogue
from audience.conditions import describe_conditions, parse_conditions
from audience.specs import Catalogue
from audience.warehouse import WarehouseError, get_warehouse
from core.errors import InvalidInput
from core.http import HtmxRequest
from experiments.counting import full_hour
from experiments.forms.settings_form import SettingsForm, conditions_of, form_from_post
from experiments.forms.shares import shares_of
from experiments.percents import SPLIT_GROUPS
from experiments.views.access import acting_access_to


@require_POST
def settings_preview(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The conditions as typed in one sentence, and how many users meet them today."""
    access = acting_access_to(request, kind, key)
    form, is_test = form_from_post(request.POST), access.experiment.is_test
    context = {
        "preview": preview_of(form, load_catalogue(), is_test),
        "json_now": json_of(form),
        "shares": shares_of(form.variants, form.split_by, form.total_percent) if is_test else None,
        "is_swap": True,
    }
    return render(request, "experiments/settings/preview.html", context)


def preview_of(
    form: SettingsForm, catalogue: Catalogue, is_test: bool, *, counts: bool = True
) -> dict[str, Any]:
    """`problem` while it cannot be said; `users` None when it is not counted (here, or at all)."""
    try:
        conditions = parse_conditions(conditions_of(form), catalogue)
    except InvalidInput as refusal:
        first = refusal.errors[0]
        return {
            "problem": gettext("Not complete yet: %(path)s %(message)s")
            % {"path": first.path, "message": first.message},
            "others": len(refusal.errors) - 1,
        }
    preview: dict[str, Any] = {"sentence": describe_conditions(conditions, catalogue)}
    if counts:
        try:
            # The full hour, as in preparations: conditions relative to now share the matches that are kept for it.
            table = get_warehouse().count_table(conditions, [], full_hour())
        except WarehouseError as error:
            return preview | {"unavailable": error.detail}
        users = int(table.users.sum())
        preview |= {
            "users": users,
            "about": _expected(form, users) if is_test else "",
            "not_counted": table.not_counted,
        }
    return preview


def _expected(form: SettingsForm, users: int) -> str:
    """About how many users each variant will have: which split groups it draws is not known yet. Unreadable percents are left out."""
    shares = shares_of(form.variants, form.split_by, form.total_percent)
    return gettext(", ").join(
        f"{round(users * row.groups / SPLIT_GROUPS):,} {row.name}"
        for row in shares.rows
        if row.groups is not None
    )


def json_of(form: SettingsForm) -> str:
    """The conditions as the API takes them, typed where they are complete. "" while they are edited as JSON anyway."""
    if form.is_json:
        return ""
    try:
        conditions = conditions_of(form)
    except InvalidInput:
        return ""
    with suppress(InvalidInput):
        conditions = parse_conditions(conditions, load_catalogue())
    return json.dumps(conditions, ensure_ascii=False, indent=2)
