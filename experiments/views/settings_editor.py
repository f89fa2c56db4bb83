"""The settings editor: one form whose buttons work with and without scripts."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from audience.builder.posting import read_path
from audience.builder.removed import KEPT, written
from audience.builder.rendering import sort_errors, view_of
from audience.builder.tree import Path
from audience.catalogue import load_catalogue
from audience.specs import Catalogue
from audience.warehouse import WarehouseError
from changelog.services import Change
from core.errors import Conflict, FieldError, InvalidInput, StaleTransition
from core.http import HtmxRequest
from experiments.forms.search import read_number
from experiments.forms.settings_form import (
    ROWS_SHOWN,
    SettingsForm,
    apply_button,
    blank_form,
    forget_comparison,
    form_from,
    form_from_post,
    settings_of,
)
from experiments.forms.shares import shares_of
from experiments.forms.zones import in_words, is_local_time, readers_zone, utc_of, zones_with
from experiments.lifecycle import UNFINISHED, Status
from experiments.models import DrawObjective, Kind, SettingsGroup
from experiments.models.app_text import MAX_TOKEN
from experiments.saved_conditions import insert_saved, notes_on, renew, saved_conditions
from experiments.selectors import hidden_keys, newest_settings_group, settings_group_of, visible_experiments
from experiments.services import add_settings_group
from experiments.services.differences import differences
from experiments.services.settings_rules import clean_settings
from experiments.views.access import Access, acting_access_to
from experiments.views.draw_comparison import compare, comparison_context
from experiments.views.settings_errors import by_field, flat, summary
from experiments.views.settings_preview import json_of, preview_of, removed_in_words
from experiments.views.texts import pick_token, pressed_text_button, texts_context

OTHER_WORDS: Final = "new_text"

_OBJECTIVE_HELP = {
    DrawObjective.FEWEST_SHARED_USERS: _(
        "Free split groups first, then those that share the fewest users in all with other tests."
    ),
    DrawObjective.SMALLEST_WORST_PAIR: _(
        "No single other test should share many users, even if it is a few more in all."
    ),
    DrawObjective.RANDOM: _("Split groups by chance alone, whoever owns them too."),
    DrawObjective.EXCLUSIVE: _(
        "Shares no split group at all with the tests you name; it fails when there is not enough room."
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def settings_create(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """GET: a form from the present settings (or `?from=` older ones). POST with a button: the form, changed. Else: save."""
    access = acting_access_to(request, kind, key)
    if access.experiment.status == Status.FINISHED:
        raise Conflict(
            gettext("“%(key)s” is finished; its settings cannot change any more.")
            % {"key": access.experiment.key}
        )
    newest = newest_settings_group(access.experiment)
    if request.method != "POST":
        return _page(request, access, _starting_point(request, access, newest), newest)
    form, catalogue = form_from_post(request.POST), load_catalogue()
    if form.keeps_hidden:
        form.exclusive_with += sorted(_hidden_tests(access) - set(form.exclusive_with))
    button = request.POST.get("op")
    if button == "compare" and access.experiment.is_test:
        return _compared(request, access, form, newest)
    if button is not None:
        try:
            focus = _pressed(request, access, form, button[:200], catalogue)
        except InvalidInput as refusal:
            return _page(request, access, form, newest, refusal.errors, status=422)
        return _page(request, access, form, newest, focus=focus)
    return _save(request, access, form, newest)


def _pressed(
    request: HtmxRequest, access: Access, form: SettingsForm, button: str, catalogue: Catalogue
) -> Path | None:
    """What the button says, done to the form; answers which condition the person should be at next."""
    what, _, where = button.partition(":")
    if what == "insert_group" and not form.is_json:
        return insert_saved(form.conditions, access.actor, request.POST.get("saved_group", "")[:64])
    if what == "renew" and not form.is_json:
        return renew(form.conditions, read_path(where) or (), access.actor, catalogue)
    if access.experiment.is_test and pressed_text_button(
        form, what, where, request.POST.get("new_token", "")[:500]
    ):
        return None
    return apply_button(form, button, catalogue)


def _starting_point(request: HtmxRequest, access: Access, newest: SettingsGroup | None) -> SettingsForm:
    number = read_number(request.GET, "from")
    source = settings_group_of(access.experiment, number) if number else access.experiment.current or newest
    zone = readers_zone()
    form = form_from(source, zone) if source else blank_form(access.experiment.is_test, zone)
    form.based_on = newest.number if newest else 0
    form.keeps_hidden = not _hidden_tests(access).isdisjoint(form.exclusive_with)
    token = request.GET.get("token", "").strip()[:MAX_TOKEN]
    if token and access.experiment.is_test and not form.texts_are_json:
        _begin_with_token(form, token)
    return form


def _begin_with_token(form: SettingsForm, token: str) -> None:
    """Whoever comes from a text of the application types other words for it at once: in a variant that has a name already."""
    if all(one.token != token for one in form.texts):
        pick_token(form, token)
    for row in form.variants:
        row.name = row.name or OTHER_WORDS


def _compared(
    request: HtmxRequest, access: Access, form: SettingsForm, newest: SettingsGroup | None
) -> HttpResponse:
    """The form with what each objective would give below it."""
    try:
        comparison = comparison_context(compare(access, form))
    except InvalidInput as refusal:
        return _page(request, access, form, newest, refusal.errors, status=422)
    except WarehouseError as error:
        failed = {"problem": error.detail}
        return _page(request, access, form, newest, status=error.status, comparison=failed)
    return _page(request, access, form, newest, comparison=comparison)


def _save(
    request: HtmxRequest, access: Access, form: SettingsForm, newest: SettingsGroup | None
) -> HttpResponse:
    experiment = access.experiment
    if form.based_on is not None and form.based_on != (newest.number if newest else 0):
        return _stale(request, access, form)
    is_other_draw = forget_comparison(form)
    body, errors = settings_of(form, experiment.is_test)
    try:
        if errors:
            # What cannot be read is not all that may be wrong: let the person hear of everything at once.
            clean_settings(experiment, body, access.actor)
            raise InvalidInput([])
        saved = add_settings_group(access.actor, experiment, body, based_on=form.based_on)
    except StaleTransition:
        return _stale(request, access, form)
    except InvalidInput as refusal:
        known = {error.path for error in errors}
        errors += [error for error in refusal.errors if error.path not in known]
        return _page(request, access, form, newest, errors, status=422)
    if is_other_draw:
        messages.warning(
            request,
            gettext("They were changed after the draws were compared: the draw will not be the one you saw."),
        )
    messages.success(
        request,
        gettext("Settings %(number)s are saved. The settings card says how far their preparation is.")
        % {"number": saved.number},
    )
    return redirect("experiments:experiment_page", kind=experiment.kind, key=experiment.key)


def _stale(request: HtmxRequest, access: Access, form: SettingsForm) -> HttpResponse:
    """Somebody made newer settings meanwhile: show what they changed; saving again means it."""
    newest = newest_settings_group(access.experiment)
    # What this person began with: by now the newer ones may be the current ones themselves.
    seen = access.experiment.settings_groups.filter(number=form.based_on or 0).first()
    form.based_on = newest.number if newest else 0
    changes = differences(seen, newest) if newest else []
    return _page(request, access, form, newest, status=409, newer=newest, newer_changes=changes)


def _page(
    request: HtmxRequest,
    access: Access,
    form: SettingsForm,
    newest: SettingsGroup | None,
    errors: list[FieldError] | None = None,
    *,
    status: int = 200,
    focus: Path | None = None,
    newer: SettingsGroup | None = None,
    newer_changes: list[Change] | None = None,
    comparison: dict[str, Any] | None = None,
) -> HttpResponse:
    experiment, catalogue = access.experiment, load_catalogue()
    is_stale = comparison is None and forget_comparison(form)
    rows = None if form.is_json else form.conditions
    of_conditions = sort_errors(
        (error for error in errors or [] if error.path.startswith("conditions")),
        rows=rows,
        catalogue=catalogue,
    )
    notes = {} if form.is_json else notes_on(form.conditions, access.actor, catalogue)
    tree = None if form.is_json else view_of(form.conditions, catalogue, of_conditions.by_item, notes)
    if tree is None and not form.is_json:
        apply_button(form, "as_json", catalogue)
    of_fields = by_field(errors or [])
    context = {
        "access": access,
        "experiment": experiment,
        "kind": experiment.kind,
        "form": form,
        "tree": tree,
        "variants": _variant_rows(form, of_fields),
        "payload_example": '{"color": "#0a0"}',
        "errors": of_fields,
        "summary": summary(errors or [], of_conditions),
        "condition_errors": of_conditions.others + ([] if tree else flat(of_conditions)),
        "preview": preview_of(form, catalogue, experiment.is_test, counts=not request.htmx),
        "json_now": json_of(form),
        "removed": [written(one) for one in form.removed[-KEPT:]],
        "removed_last": removed_in_words(form, catalogue),
        **_beside(request, access, form, did="" if errors else request.POST.get("op", "")),
        "focus": ".".join(map(str, focus)) if focus is not None else None,
        "focus_variant": len(form.variants) - 1 if request.POST.get("op") == "add_variant" else None,
        "objectives": _objectives(comparison),
        "comparison": comparison,
        "is_stale": is_stale,
        "newest": newest,
        "newer": newer,
        "newer_changes": newer_changes,
    }
    template = "experiments/settings/editor.html"
    if request.htmx and request.htmx.target == "editor":
        template += "#editor"
    return render(request, template, context, status=status)


def _beside(request: HtmxRequest, access: Access, form: SettingsForm, did: str) -> dict[str, Any]:
    """What stands beside the fields: what there is to choose from, and what the typed means. `did`: the button that was done."""
    context: dict[str, Any] = {
        "zones": [(one, in_words(one)) for one in zones_with(readers_zone(), form.zone)],
        "zone_words": in_words(form.zone),
        "own_zone": readers_zone(),
        "starts_as_time": is_local_time(form.starts_at),
        "ends_as_time": is_local_time(form.ends_at),
        "starts_utc": utc_of(form.starts_at, form.zone),
        "ends_utc": utc_of(form.ends_at, form.zone),
        "saved_groups": [one for one in saved_conditions(access.actor) if one.key != access.experiment.key],
        # What was picked or typed for a button that was not pressed.
        "saved_group": "" if did == "insert_group" else request.POST.get("saved_group", ""),
        "new_token": "" if did == "add_token" else request.POST.get("new_token", ""),
    }
    if access.experiment.is_test:
        context |= texts_context(form)
        context |= {
            "shares": shares_of(form.variants, form.split_by, form.total_percent),
            "others": _other_tests(access),
            "hidden_others": len(_hidden_tests(access)),
        }
    return context


def _objectives(comparison: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The choices, each with what it would give once that is compared."""
    cards = (comparison or {}).get("cards", {})
    return [
        {
            "value": value,
            "label": label,
            "help": _OBJECTIVE_HELP[DrawObjective(value)],
            "card": cards.get(value),
        }
        for value, label in DrawObjective.choices
    ]


def _variant_rows(form: SettingsForm, errors: dict[str, list[str]]) -> list[tuple[int, dict[str, Any]]]:
    return [
        (
            index,
            {
                "name": row.name,
                "percent": row.percent,
                "payload": row.payload,
                "is_locked": row.is_locked,
                "is_control": form.control == str(index),
                "errors": {name: errors.get(f"v.{index}.{name}") for name in ("name", "percent", "payload")},
            },
        )
        for index, row in enumerate(form.variants[:ROWS_SHOWN])
    ]


def _other_tests(access: Access) -> list[tuple[str, str]]:
    """The tests that one may keep away from."""
    others = (
        visible_experiments(access.actor, Kind.TEST)
        .filter(status__in=UNFINISHED)
        .exclude(pk=access.experiment.pk)
    )
    return list(others.order_by("key").values_list("key", "name"))


def _hidden_tests(access: Access) -> frozenset[str]:
    """Drafts that earlier settings keep away from and that do not exist for this person: a manager of both named them."""
    named = access.experiment.settings_groups.values_list("exclusive_with", flat=True)
    return hidden_keys(access.actor, sorted({key for keys in named for key in keys}))
