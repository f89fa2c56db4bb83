"""New settings, older ones taken up again, and making prepared ones current."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext

from accounts.actors import Actor
from changelog.models import Verb
from core.errors import Conflict, StaleTransition
from core.tasks import enqueue_on_commit
from experiments.lifecycle import ATTACHES_BY_ITSELF, Status
from experiments.models import Experiment, Preparation, PreparationState, SettingsGroup, Variant
from experiments.selectors import settings_group_of
from experiments.services.differences import differences_to_keep
from experiments.services.ground import announce_after_commit, locked, note, require_acting
from experiments.services.settings_rules import NewSettings, NewVariant, clean_settings


def add_settings_group(
    actor: Actor, experiment: Experiment, settings: Mapping[str, object], *, based_on: int | None = None
) -> SettingsGroup:
    """New settings with the next number, queued for preparation; nothing changes for users until they are attached.

    `settings` has the fields of the API's body (starts_at, ends_at, conditions, draw, exclusive_with, seed,
    allow_control_to_treatment, variants with percents, or total_percent dealt evenly, tokens, message). `based_on` is the
    number of the newest settings that whoever made these has seen (0: none). Raises InvalidInput naming every wrong path,
    StaleTransition when there are newer ones, Conflict when the test is finished.
    """
    require_acting(actor, experiment)
    content = clean_settings(experiment, settings, actor)
    return _insert(actor, experiment, content, copied_from=None, based_on=based_on)


def copy_settings_group(actor: Actor, experiment: Experiment, number: int) -> SettingsGroup:
    """Take up older settings again: the same content under a new number, drawn so that users keep their variants where possible."""
    require_acting(actor, experiment)
    source = settings_group_of(experiment, number)
    variants = tuple(
        NewVariant(variant.name, variant.split_group_count, variant.is_control, variant.payload)
        for variant in source.variants.all()
    )
    content = NewSettings(
        source.starts_at,
        source.ends_at,
        source.conditions,
        source.draw_objective,
        tuple(source.exclusive_with),
        variants,
        source.tokens,
        f"Settings {number} again",
        allow_control_to_treatment=source.allow_control_to_treatment,
    )
    return _insert(actor, experiment, content, copied_from=source)


def attach_settings_group(actor: Actor, experiment: Experiment, number: int) -> Experiment:
    """Make prepared settings current. Raises Conflict when they are not ready or the test is finished; twice is the same as once."""
    require_acting(actor, experiment)
    with transaction.atomic():
        row = locked(experiment)
        settings_group = settings_group_of(row, number)
        if row.current_id == settings_group.pk:
            return row
        if row.status == Status.FINISHED:
            raise Conflict(
                gettext("“%(key)s” is finished; its settings cannot change any more.") % {"key": row.key}
            )
        if settings_group.preparation.state != PreparationState.READY:
            raise Conflict(gettext("Settings group %(number)s is not prepared yet.") % {"number": number})
        if row.current is not None and number < row.current.number:
            raise Conflict(
                gettext(
                    "Settings group %(number)s is older than the current one; copy it into a new number instead."
                )
                % {"number": number}
            )
        if row.is_test and row.status not in ATTACHES_BY_ITSELF and not owns_split_groups(settings_group):
            raise Conflict(
                gettext(
                    "The variants of settings group %(number)s own no split group, and “%(key)s” is %(status)s."
                )
                % {"number": number, "key": row.key, "status": row.get_status_display().lower()}
            )
        make_current(actor, row, settings_group)
    return row


def make_current(actor: Actor, row: Experiment, settings_group: SettingsGroup) -> None:
    """Write the attachment and its entry. The caller holds the lock on `row` and has checked what must be checked."""
    before = row.current
    row.current = settings_group
    row.save(update_fields=["current"])
    changes = differences_to_keep(before, settings_group)
    note(actor, Verb.ATTACH, row, f"Settings group {settings_group.number} is now current", changes)
    announce_after_commit()


def attach_when_ready(actor: Actor, settings_group: SettingsGroup) -> None:
    """After preparation: a test that is not running yet takes its newest prepared settings at once."""
    row = locked(settings_group.experiment)
    is_newer = row.current is None or settings_group.number > row.current.number
    if Status(row.status) in ATTACHES_BY_ITSELF and is_newer:
        make_current(actor, row, settings_group)


def owns_split_groups(settings_group: SettingsGroup) -> bool:
    """Whether any user can get a variant by split group at all."""
    return any(variant.split_group_count for variant in settings_group.variants.all())


def _insert(
    actor: Actor,
    experiment: Experiment,
    content: NewSettings,
    copied_from: SettingsGroup | None,
    based_on: int | None = None,
) -> SettingsGroup:
    with transaction.atomic():
        row = locked(experiment)
        if row.status == Status.FINISHED:
            raise Conflict(
                gettext("“%(key)s” is finished; its settings cannot change any more.") % {"key": row.key}
            )
        newest = row.settings_groups.aggregate(newest=Max("number"))["newest"] or 0
        if based_on is not None and based_on != newest:
            raise StaleTransition(_outdated(row.key, based_on, newest))
        before = row.settings_groups.filter(number=newest).first()
        settings_group = SettingsGroup.objects.create(
            experiment=row,
            number=newest + 1,
            starts_at=content.starts_at,
            ends_at=content.ends_at,
            conditions=content.conditions,
            draw_objective=content.draw,
            exclusive_with=list(content.exclusive_with),
            draw_seed=content.seed,
            allow_control_to_treatment=content.allow_control_to_treatment,
            tokens=content.tokens,
            copied_from=copied_from,
            message=content.message,
            created_by=actor.user,
        )
        Variant.objects.bulk_create(
            Variant(
                settings_group=settings_group,
                position=position,
                name=variant.name,
                split_group_count=variant.split_groups,
                is_control=variant.is_control,
                payload=variant.payload,
            )
            for position, variant in enumerate(content.variants, start=1)
        )
        Preparation.objects.create(settings_group=settings_group)
        message = f"New settings group {settings_group.number}" + (
            f": {content.message}" if content.message else ""
        )
        note(actor, Verb.ADD_SETTINGS_GROUP, row, message, differences_to_keep(before, settings_group))
        enqueue_on_commit("experiments.tasks.prepare", settings_group.pk)
    return settings_group


def _outdated(key: str, based_on: int, newest: int | None) -> str:
    if not based_on:
        told = gettext(
            "These settings of “%(key)s” were made from nothing; the newest is settings group %(newest)s by now."
        )
        return told % {"key": key, "newest": newest}
    told = gettext(
        "These settings of “%(key)s” were made from settings group %(seen)s; the newest is settings group %(newest)s by now."
    )
    return told % {"key": key, "seen": based_on, "newest": newest}
