"""All parts together. One that cannot be looked at is a finding too, and keeps no other from being seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from console.health import flows, machines, work
from console.health.findings import Finding, State, worst

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """`state` is the worst of all findings; what is worst comes first."""

    findings: list[Finding]
    queues: list[work.QueueRow]

    @property
    def state(self) -> State:
        return worst([finding.state for finding in self.findings])

    @property
    def needing(self) -> list[Finding]:
        """Those that somebody should do something about."""
        return [finding for finding in self.findings if finding.state in {State.WATCH, State.BAD}]


def health_report() -> Report:
    """How every part is now. Asks all of them, so it may take some seconds when one hangs."""
    said = machines.ask_broker()
    rows = work.queues(said)
    findings = [
        *_looked("PostgreSQL", lambda: [machines.database()]),
        machines.broker(said),
        work.beat(rows),
        work.workers(rows),
        *_looked(gettext_noop("Delivery"), lambda: [flows.delivery()]),
        *_looked(gettext_noop("Hits"), lambda: [flows.hits()]),
        *_looked(gettext_noop("Notifications"), lambda: [flows.notifications()]),
        *_looked(gettext_noop("Users in the warehouse"), lambda: [flows.warehouse()]),
        *_looked(gettext_noop("Preparations"), lambda: [work.preparations()]),
        *_looked(gettext_noop("Disks"), machines.disks),
    ]
    return Report(sorted(findings, key=lambda one: -list(State).index(one.state)), rows)


def _looked(name: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """What it finds, or that it could not look."""
    try:
        # A query that fails must not take the rest of the page with it.
        with transaction.atomic():
            return look()
    except Exception as error:
        logger.exception("%s could not be looked at", name)
        sentence = gettext("It could not be looked at (%(why)s).") % {"why": type(error).__name__}
        return [
            Finding(gettext(name), State.BAD, sentence, gettext("The log of the web processes says more."))
        ]
