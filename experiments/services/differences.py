"""What differs between two settings groups, setting by setting, in words."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext, override

from audience.catalogue import load_catalogue
from audience.conditions import describe_conditions
from changelog.services import Change
from core.moments import moment_words
from experiments.lifecycle import Status
from experiments.models import Experiment, SettingsGroup
from experiments.percents import format_percent


def differences(before: SettingsGroup | None, after: SettingsGroup) -> list[Change]:
    """As whoever reads the page reads it: in their language, dates on their clocks."""
    old, new = _readable(before), _readable(after)
    return [
        Change(field, label, old.get(field, (label, None))[1], value)
        for field, (label, value) in new.items()
        if old.get(field, (label, None))[1] != value
    ]


def differences_to_keep(before: SettingsGroup | None, after: SettingsGroup) -> list[Change]:
    """The same for the changelog: what is kept is kept in English and in UTC, whoever did it wherever they were."""
    with override("en"), timezone.override(dt.UTC):
        return differences(before, after)


def _readable(settings_group: SettingsGroup | None) -> dict[str, tuple[str, str | None]]:
    if settings_group is None:
        return {}
    variants = list(settings_group.variants.all())
    shares = [
        gettext("%(variant)s (control)") % {"variant": share} if variant.is_control else share
        for variant in variants
        for share in [f"{variant.name} {format_percent(variant.split_group_count)} %"]
    ]
    payloads = [f"{one.name}: {_as_json(one.payload)}" for one in variants if one.payload]
    gives_up = gettext("yes") if settings_group.allow_control_to_treatment else None
    return {
        "starts_at": (gettext("Start"), _moment(settings_group.starts_at)),
        "ends_at": (gettext("End"), _moment(settings_group.ends_at)),
        "conditions": (
            gettext("Conditions"),
            describe_conditions(settings_group.conditions, load_catalogue()),
        ),
        "variants": (gettext("Variants"), ", ".join(shares) or None),
        "payloads": (gettext("Payloads"), "\n".join(payloads) or None),
        "draw": (gettext("Draw"), settings_group.get_draw_objective_display() if variants else None),
        "exclusive_with": (gettext("Exclusive with"), _tests_in_words(settings_group.exclusive_with)),
        "allow_control_to_treatment": (
            gettext("The control may give split groups to other variants"),
            gives_up,
        ),
        "tokens": (gettext("Texts"), "\n".join(_texts_in_lines(settings_group)) or None),
    }


def _moment(value: dt.datetime | None) -> str | None:
    return moment_words(value) if value else None


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _texts_in_lines(settings_group: SettingsGroup) -> list[str]:
    return [
        f"{token} · {variant} · {language}: {text}"
        for token, by_variant in settings_group.tokens.items()
        for variant, by_language in by_variant.items()
        for language, text in by_language.items()
    ]


def _tests_in_words(keys: Sequence[str]) -> str | None:
    """Drafts only as what they are: everybody who knows this test reads its changelog, and not everybody knows them."""
    drafts = Experiment.objects.tests().filter(key__in=keys, status=Status.DRAFT.value)
    hidden = set(drafts.values_list("key", flat=True))
    return ", ".join(gettext("a draft") if key in hidden else key for key in keys) or None
