"""The authorised fetch with which every view of a test begins."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from core.errors import NotAllowed
from core.http import HtmxRequest
from experiments.lifecycle import ACTING, APPROVING, Standing, Status
from experiments.models import Experiment
from experiments.selectors import experiment_for, standing_of


@dataclass(frozen=True, slots=True)
class Access:
    """One person before one test or user group: who, what, and what they may do to it."""

    actor: Actor
    experiment: Experiment
    standing: Standing

    @property
    def may_act(self) -> bool:
        return self.standing in ACTING

    @property
    def may_approve(self) -> bool:
        return self.standing in APPROVING

    @property
    def may_change_settings(self) -> bool:
        return self.may_act and self.experiment.status != Status.FINISHED


def access_to(request: HtmxRequest, kind: str, key: str) -> Access:
    """The test with this key for this person, read afresh. Raises NotFound, also for somebody else's draft."""
    actor = signed_in_actor(request)
    experiment = experiment_for(actor, kind, key)
    return Access(actor, experiment, standing_of(actor, experiment))


def acting_access_to(request: HtmxRequest, kind: str, key: str) -> Access:
    """The same for those who change it. Raises NotAllowed for everybody else."""
    access = access_to(request, kind, key)
    if not access.may_act:
        raise NotAllowed(
            gettext("Only the managers of “%(key)s” and superusers can do that.")
            % {"key": access.experiment.key}
        )
    return access
