"""What stands below the conditions while somebody edits them: one sentence, and how many users that is."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from audience.builder.rendering import sort_errors
from audience.builder.tree import Bracket, to_conditions
from audience.catalogue import load_catalogue
from audience.conditions import describe_conditions, parse_conditions, used_filters
from audience.specs import Catalogue
from audience.warehouse import WarehouseError, get_warehouse
from core.errors import InvalidInput
from core.http import HtmxRequest
from experiments.counting import full_hour
from experiments.forms.settings_form import SettingsForm, conditions_of, form_from_post
from experiments.forms.shares import shares_of
from experiments.percents import SPLIT_GROUPS
from experiments.views.access import acting_access_to
from experiments.views.settings_errors import summary


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
        return _not_complete(form, refusal, catalogue)
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
            "not_counted": [
                catalogue[name].label if name in catalogue else name for name in table.not_counted
            ],
        }
    return preview


def _not_complete(form: SettingsForm, refusal: InvalidInput, catalogue: Catalogue) -> dict[str, Any]:
    """What is wrong first, and how much more."""
    shown = None if form.is_json else form.conditions
    rows = summary([], sort_errors(refusal.errors, rows=shown, catalogue=catalogue))
    _anchor, problem = rows[0]
    return {"problem": problem, "others": len(rows) - 1}


def removed_in_words(form: SettingsForm, catalogue: Catalogue) -> str:
    """The condition that was taken out last, as far as it can be said; "" when there is none to put back."""
    if not form.removed or form.is_json:
        return ""
    conditions: list[Any] = to_conditions(Bracket([form.removed[-1].item]))
    try:
        return describe_conditions(parse_conditions(conditions, catalogue), catalogue)
    except InvalidInput:
        filters = [catalogue[name].label for name in sorted(used_filters(conditions)) if name in catalogue]
        return gettext(", ").join(filters) or gettext("an empty condition")


def _expected(form: SettingsForm, users: int) -> str:
    """About how many users each variant will have: which split groups it draws is not known yet. Unreadable percents are left out."""
    shares = shares_of(form.variants, form.split_by, form.total_percent)
    return gettext(", ").join(
        gettext("%(users)s in %(variant)s")
        % {"users": f"{round(users * row.groups / SPLIT_GROUPS):,}", "variant": row.name}
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
