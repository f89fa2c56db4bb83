"""Telling the stories: every step at its moment, in the order of time, by the services that people use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import cast

from django.db import transaction

from accounts.actors import Actor
from accounts.models import User
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import (
    add_settings_group,
    apply_verb,
    attach_settings_group,
    check_split_groups,
    create_experiment,
    force_user,
    prepare_settings_group,
    recount_settings_group,
)
from experiments.services.app_texts import apply_texts
from usersplit.demo.stories import FORCED, STORIES
from usersplit.demo.telling import ForcedStory, Step, Story
from usersplit.demo.texts import BROUGHT_IN, TEXTS

# Queueing takes a while for people, too.
PREPARED_AFTER = dt.timedelta(seconds=40)
ATTACHED_AFTER = dt.timedelta(seconds=100)
NIGHTS_CHECKED = 6


@dataclass(frozen=True, slots=True)
class Event:
    """A step of a story, at its moment."""

    moment: dt.datetime
    story: Story
    step: Step
    is_first: bool


def load_stories() -> int:
    """Make all of the demo's tests and user groups; how many. All of them or, killed half-way, none."""
    today = clock.now().replace(second=0, microsecond=0)
    with transaction.atomic():
        people = {person.username: Actor.person(person) for person in User.objects.all()}
        # In the order of time, as the changelog is read.
        for _, happens in sorted(_timeline(people, today), key=itemgetter(0)):
            happens()
        # As every night: what was counted before other tests came is counted with them.
        for settings_group_id in (
            Experiment.objects.unfinished().exclude(current=None).values_list("current_id", flat=True)
        ):
            recount_settings_group(settings_group_id)
        for days in range(NIGHTS_CHECKED, -1, -1):
            with clock.frozen_at(today - dt.timedelta(days=days)):
                check_split_groups()
    return len(STORIES)


def _timeline(
    people: Mapping[str, Actor], today: dt.datetime
) -> Iterator[tuple[dt.datetime, Callable[[], None]]]:
    """Everything that happens before today, at its moment."""
    brought_in = today - dt.timedelta(days=BROUGHT_IN)
    yield brought_in, partial(_bring_texts, people["mia"], brought_in)
    for number, story in enumerate(STORIES):
        for index, step in enumerate(story.steps):
            # Two people never press at once, and what one began is prepared before the next begins.
            moment = today - dt.timedelta(days=step.days, minutes=2 * number)
            yield moment, partial(_take, Event(moment, story, step, index == 0), people[step.by], today)
    for forced in FORCED:
        moment = today - dt.timedelta(days=forced.days)
        yield moment, partial(_force, forced, people[forced.by], moment)


def _bring_texts(actor: Actor, moment: dt.datetime) -> None:
    with clock.frozen_at(moment):
        apply_texts(actor, TEXTS, source="the shop's texts")


def _dated(settings: Mapping[str, object], today: dt.datetime) -> dict[str, object]:
    """With dates instead of days from today; a test begins and ends at midnight."""
    midnight = today.replace(hour=0, minute=0)
    dated = dict(settings)
    for days, moment in (("starts_in", "starts_at"), ("ends_in", "ends_at")):
        if days in dated:
            dated[moment] = midnight + dt.timedelta(days=cast("int", dated.pop(days)))
    return dated


def _force(forced: ForcedStory, actor: Actor, moment: dt.datetime) -> None:
    with clock.frozen_at(moment):
        experiment = Experiment.objects.tests().get(key=forced.test)
        force_user(
            actor,
            experiment,
            forced.variant,
            forced.environment,
            user_id=forced.user_id,
            reason=forced.reason,
        )


def _take(event: Event, actor: Actor, today: dt.datetime) -> None:
    story, step = event.story, event.step
    with clock.frozen_at(event.moment):
        if event.is_first:
            create_experiment(actor, story.kind, {"key": story.key, **story.properties})
            return
        experiment = Experiment.objects.get(kind=story.kind, key=story.key)
        if step.verb is not None:
            apply_verb(actor, experiment, Verb(step.verb), step.ending)
            return
        settings_group = add_settings_group(actor, experiment, _dated(step.settings, today))
    with clock.frozen_at(event.moment + PREPARED_AFTER):
        if not prepare_settings_group(settings_group.pk):
            raise RuntimeError(f"{settings_group} was not prepared")
    if experiment.status in {Status.RUNNING, Status.PAUSED} and step.is_attached:
        with clock.frozen_at(event.moment + ATTACHED_AFTER):
            attach_settings_group(actor, experiment, settings_group.number)
