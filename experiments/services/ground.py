"""What every service does around its own work: ask for the right, lock the row, leave a sentence, wake delivery."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext

from accounts.actors import Actor
from changelog.models import Verb
from changelog.services import Change, record
from core.errors import NotAllowed, NotFound
from experiments.lifecycle import ACTING, SEES_DRAFTS, Status
from experiments.models import Experiment
from experiments.selectors import standing_of
from experiments.signals import delivered_content_changed


def require_acting(actor: Actor, experiment: Experiment) -> None:
    """Raise unless the actor manages this test. For an outsider a draft does not exist."""
    standing = standing_of(actor, experiment)
    if experiment.status == Status.DRAFT and standing not in SEES_DRAFTS:
        missing = (
            gettext("There is no test “%(key)s”.")
            if experiment.is_test
            else gettext("There is no user group “%(key)s”.")
        )
        raise NotFound(missing % {"key": experiment.key})
    if standing not in ACTING:
        raise NotAllowed(
            gettext("Only the managers of “%(key)s” and superusers can do that.") % {"key": experiment.key}
        )


def locked(experiment: Experiment) -> Experiment:
    """The row as it is now, locked until the end of the transaction: what is decided on it stays true."""
    return (
        Experiment.objects.select_for_update(of=("self",))
        .select_related("current", "winner")
        .get(pk=experiment.pk)
    )


def announce_after_commit() -> None:
    """Wake whoever keeps copies of the rows (delivery)."""
    transaction.on_commit(lambda: delivered_content_changed.send(Experiment))


def note(
    actor: Actor, verb: Verb, experiment: Experiment, message: str, changes: Iterable[Change] = ()
) -> None:
    """The changelog entry of a change to this test, in the transaction of the change."""
    record(actor, verb, experiment.subject_kind, experiment.key, message, changes, subject_id=experiment.pk)
