"""New settings as typed: read from the form or from older settings, turned into what the service takes, and shown again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from django.http import QueryDict
from django.utils.translation import gettext

from audience.builder import removed
from audience.builder.posting import read_path, read_tree
from audience.builder.rendering import settle
from audience.builder.tree import Bracket, Path, change, from_conditions, is_too_large, to_conditions
from audience.conditions import parse_conditions
from audience.specs import Catalogue
from core.errors import FieldError, InvalidInput
from experiments.forms import zones
from experiments.forms.shares import SPLITS, VariantRow, deal_the_rest, shares_of
from experiments.forms.texts import (
    TokenTexts,
    forget_variant,
    texts_from,
    texts_from_post,
    tokens_of,
)
from experiments.models import DrawObjective, SettingsGroup
from experiments.percents import SPLIT_GROUPS, InexactPercent

ROWS_SHOWN: Final = 101
"""One more variant than is possible: who has too many is told so, and nobody's page grows without end."""
_VARIANT = re.compile(r"v\.(\d{1,5})\.(name|percent|payload|locked)", re.ASCII)


@dataclass(slots=True)
class SettingsForm:
    """Everything on the page, as text. `control` is the index of a row, "" for none; `split_by` is one of SPLITS."""

    # In the zone `zone`, as the fields say.
    starts_at: str = ""
    ends_at: str = ""
    zone: str = zones.UTC
    message: str = ""
    conditions: Bracket = field(default_factory=Bracket)
    conditions_json: str = ""
    is_json: bool = False
    is_cut: bool = False
    # Conditions taken out since the page was opened, the newest last.
    removed: list[removed.Removed] = field(default_factory=list)
    variants: list[VariantRow] = field(default_factory=list)
    control: str = ""
    split_by: str = "each"
    total_percent: str = ""
    draw: str = DrawObjective.FEWEST_SHARED_USERS.value
    exclusive_with: list[str] = field(default_factory=list)
    # Whether to go on keeping away from drafts that the person cannot see.
    keeps_hidden: bool = False
    # Texts are rows, or JSON in `tokens` where rows cannot show them.
    texts: list[TokenTexts] = field(default_factory=list)
    texts_are_json: bool = False
    tokens: str = ""
    based_on: int | None = None
    allow_control_to_treatment: bool = False
    # What the last comparison of draws was drawn with, and the digest of the settings that were compared.
    seed: str = ""
    compared: str = ""


# ---- in ----------------------------------------------------------------------------------------------------


def blank_form(is_test: bool, zone: str = zones.UTC) -> SettingsForm:
    """What somebody starts from who has no settings yet."""
    variants = [VariantRow("control", "5"), VariantRow("", "5")] if is_test else []
    return SettingsForm(variants=variants, control="0" if is_test else "", zone=zone)


def form_from(source: SettingsGroup, zone: str = zones.UTC) -> SettingsForm:
    """The form filled with what these settings are, dates in that zone."""
    variants = list(source.variants.all())
    control = next((str(index) for index, variant in enumerate(variants) if variant.is_control), "")
    texts = texts_from(source.tokens, [variant.name for variant in variants])
    return SettingsForm(
        starts_at=zones.written(source.starts_at, zone) if source.starts_at else "",
        ends_at=zones.written(source.ends_at, zone) if source.ends_at else "",
        zone=zone,
        conditions=from_conditions(source.conditions),
        variants=[
            VariantRow(variant.name, variant.percent, _json_text(variant.payload)) for variant in variants
        ],
        control=control,
        draw=source.draw_objective,
        exclusive_with=list(source.exclusive_with),
        texts=texts or [],
        texts_are_json=texts is None,
        tokens=_json_text(source.tokens) if texts is None else "",
    )


def _variant_rows(data: QueryDict) -> dict[int, VariantRow]:
    rows: dict[int, VariantRow] = {}
    for name in data:
        match = _VARIANT.fullmatch(name)
        if match:
            row = rows.setdefault(int(match[1]), VariantRow())
            if match[2] == "locked":
                row.is_locked = True
            else:
                setattr(row, match[2], data[name])
    return rows


def form_from_post(data: QueryDict) -> SettingsForm:
    """The form as it was sent; unknown fields are ignored, nothing is judged."""
    posted = read_tree(data)
    based_on = data.get("based_on", "")
    zone_was = zones.known_zone(data.get("zone_was", ""))
    zone = zones.known_zone(data.get("zone", zone_was))
    rows = _variant_rows(data)
    numbers = sorted(rows)
    order = {number: place for place, number in enumerate(numbers)}
    control = data.get("control", "")
    return SettingsForm(
        # The fields are in the zone that stood beside them; who chose another since keeps the moments.
        starts_at=zones.moved(data.get("starts_at", ""), zone_was, zone),
        ends_at=zones.moved(data.get("ends_at", ""), zone_was, zone),
        zone=zone,
        message=data.get("message", ""),
        conditions=posted.root,
        conditions_json=data.get("conditions_json", ""),
        is_json=data.get("conditions_as") == "json",
        is_cut=posted.is_cut,
        removed=removed.read(data.getlist("removed")),
        variants=[rows[number] for number in numbers],
        # A row taken out on the way closes the gap.
        control=str(numbers.index(int(control)))
        if control.isdigit() and len(control) < 6 and int(control) in numbers
        else "",
        split_by=split_by if (split_by := data.get("split_by", "")) in SPLITS else "each",
        total_percent=data.get("total_percent", ""),
        draw=data.get("draw", DrawObjective.FEWEST_SHARED_USERS.value),
        exclusive_with=data.getlist("exclusive_with"),
        keeps_hidden=bool(data.get("keeps_hidden")),
        texts=texts_from_post(data, order),
        texts_are_json=data.get("texts_as") != "rows" and bool(data.get("tokens", "").strip()),
        tokens=data.get("tokens", ""),
        based_on=int(based_on) if based_on.isascii() and based_on.isdigit() and len(based_on) < 10 else None,
        allow_control_to_treatment=bool(data.get("allow_control_to_treatment")),
        seed=data.get("seed", "")[:30],
        compared=data.get("compared", "")[:64],
    )


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""


# ---- out ---------------------------------------------------------------------------------------------------


def settings_of(form: SettingsForm, is_test: bool) -> tuple[dict[str, object], list[FieldError]]:
    """(the fields of the API's body, what cannot even be read as such)."""
    errors: list[FieldError] = []
    body: dict[str, object] = {
        "starts_at": _moment(form, "starts_at", errors),
        "ends_at": _moment(form, "ends_at", errors),
        "message": form.message,
        "conditions": _conditions(form, errors),
    }
    if is_test:
        body |= {
            "draw": form.draw,
            "exclusive_with": form.exclusive_with if form.draw == DrawObjective.EXCLUSIVE else [],
            "allow_control_to_treatment": form.allow_control_to_treatment,
            "variants": [_variant(form, index, row, errors) for index, row in enumerate(form.variants)],
            "tokens": _tokens(form, errors),
        }
        if form.seed:
            body["seed"] = form.seed
        if form.split_by != "each" and not form.total_percent.strip():
            errors.append(
                FieldError("total_percent", gettext("Say how many percent of the users take part in all."))
            )
        if form.split_by == "total":
            body["total_percent"] = form.total_percent
        elif form.split_by == "parts":
            _add_parts(form, body, errors)
    return body, errors


def _moment(form: SettingsForm, name: str, errors: list[FieldError]) -> str | None:
    """With its zone; what is no time in it is left to the service, which says what it takes."""
    text = str(getattr(form, name)).strip()
    try:
        moment = zones.as_moment(text, form.zone)
    except ValueError as error:
        errors.append(FieldError(name, str(error)))
        return None
    return moment.isoformat() if moment else text or None


def _tokens(form: SettingsForm, errors: list[FieldError]) -> object:
    if form.texts_are_json:
        return _object(form.tokens, "tokens", errors)
    return tokens_of(form.texts, [row.name.strip() for row in form.variants], errors)


def _add_parts(form: SettingsForm, body: dict[str, object], errors: list[FieldError]) -> None:
    """The API knows no parts of a total: say what each variant gets of all users."""
    shares = shares_of(form.variants, "parts", form.total_percent)
    if shares.problem and form.total_percent.strip():
        errors.append(FieldError("total_percent", f"{shares.problem}."))
    variants = cast("list[dict[str, object]]", body["variants"])
    for index, (variant, share) in enumerate(zip(variants, shares.rows, strict=True)):
        variant["percent"] = share.percent
        if share.groups is None:
            message = f"{share.problem[:1].upper()}{share.problem[1:]}" or gettext("Depends on the total")
            errors.append(FieldError(f"variants[{index}].percent", f"{message}."))


def comparable(form: SettingsForm) -> str:
    """A digest of all that a draw depends on, but for the objective that is picked: what was compared is what has the same."""
    body, _ = settings_of(form, is_test=True)
    for name in ("message", "tokens", "draw", "seed"):
        body.pop(name, None)
    body["exclusive_with"] = sorted(form.exclusive_with)
    body["variants"] = [
        (row.name.strip(), row.percent.strip(), form.control == str(index))
        for index, row in enumerate(form.variants)
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:32]


def forget_comparison(form: SettingsForm) -> bool:
    """Let go of a seed that was made for other settings than these; whether there was one."""
    is_stale = bool(form.seed) and form.compared != comparable(form)
    if is_stale:
        form.seed = form.compared = ""
    return is_stale


def conditions_of(form: SettingsForm) -> list[Any]:
    """The conditions as the API would be sent them. Raises InvalidInput for JSON that cannot be read."""
    errors: list[FieldError] = []
    conditions = _conditions(form, errors)
    if errors:
        raise InvalidInput(errors)
    return conditions


def _conditions(form: SettingsForm, errors: list[FieldError]) -> list[Any]:
    if form.is_json:
        if not form.conditions_json.strip():
            return []
        try:
            read = json.loads(form.conditions_json)
        except json.JSONDecodeError as error:
            where = {"what": error.msg, "line": error.lineno, "column": error.colno}
            told = gettext("this is no JSON: %(what)s in line %(line)s, column %(column)s")
            errors.append(FieldError("conditions", told % where))
            return []
        except (ValueError, RecursionError):
            errors.append(FieldError("conditions", gettext("is not readable as JSON")))
            return []
        if not isinstance(read, list):
            errors.append(FieldError("conditions", gettext('must be a list, such as [{…}, "AND", {…}]')))
            return []
        return read
    if form.is_cut:
        errors.append(FieldError("conditions", gettext("has brackets nested more than 10 deep")))
    return to_conditions(form.conditions)


def _variant(
    form: SettingsForm, index: int, row: VariantRow, errors: list[FieldError]
) -> Mapping[str, object]:
    if not row.name.strip():
        told = gettext("Give the variant a name, such as green.")
        errors.append(FieldError(f"variants[{index}].name", told))
    variant: dict[str, object] = {
        "name": row.name.strip(),
        "is_control": form.control == str(index),
        "payload": _object(row.payload, f"variants[{index}].payload", errors),
    }
    if form.split_by == "each":
        variant["percent"] = row.percent.strip()
    return variant


def _object(text: str, path: str, errors: list[FieldError]) -> object:
    if not text.strip():
        return {}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        errors.append(FieldError(path, gettext('Is not readable as JSON; it looks like {"color": "#0a0"}.')))
        return {}


# ---- what the buttons do -----------------------------------------------------------------------------------


def apply_button(form: SettingsForm, button: str, catalogue: Catalogue) -> Path | None:
    """`remove:1.0` and the like; answers which condition the person should be at next. Raises InvalidInput for unusable JSON."""
    what, _, where = button.partition(":")
    if what == "use_json":
        _take_json(form, catalogue)
    elif what == "as_json":
        form.is_json, form.conditions_json = True, _json_text(to_conditions(form.conditions))
    elif what == "deal":
        _deal(form)
    elif what == "add_variant" and len(form.variants) < ROWS_SHOWN:
        form.variants.append(VariantRow(percent=_usual_percent(form)))
    elif what == "remove_variant" and where.isdigit() and len(where) < 6 and int(where) < len(form.variants):
        _remove_variant(form, int(where))
    focus = _change_conditions(form, what, read_path(where))
    settle(form.conditions, catalogue)
    return focus


def _usual_percent(form: SettingsForm) -> str:
    """What all variants have, if another one can have it too; "" leaves it to the person."""
    shares = shares_of(form.variants, form.split_by, form.total_percent)
    usual = {row.percent.strip() for row in form.variants}
    if form.split_by != "each" or len(usual) != 1 or any(row.groups is None for row in shares.rows):
        return ""
    fits = shares.groups + (shares.rows[0].groups or 0) <= SPLIT_GROUPS
    return usual.pop() if fits else ""


def _change_conditions(form: SettingsForm, what: str, path: Path | None) -> Path | None:
    if what == "put_back" and form.removed and not form.is_json:
        return removed.put_back(form.conditions, form.removed.pop())
    if path is None:
        return None
    going = removed.about_to_go(form.conditions, path) if what == "remove" else None
    if going is not None:
        form.removed.append(going)
    return change(form.conditions, what, path)


def _take_json(form: SettingsForm, catalogue: Catalogue) -> None:
    """Show pasted JSON as rows. Only what is valid: rows could not show everything that is wrong with the rest."""
    form.is_json = True
    conditions = parse_conditions(conditions_of(form), catalogue)
    form.conditions = from_conditions(conditions)
    form.is_json = is_too_large(form.conditions)


def _deal(form: SettingsForm) -> None:
    try:
        deal_the_rest(form.variants, form.total_percent)
    except InexactPercent as error:
        raise InvalidInput([FieldError("variants", f"{error}.")]) from error
    form.split_by = "each"


def _remove_variant(form: SettingsForm, index: int) -> None:
    del form.variants[index]
    forget_variant(form.texts, index)
    if form.control.isdigit():
        control = int(form.control)
        form.control = "" if control == index else str(control - (control > index))
