"""Several people save settings that they made from the same older ones: the first wins, the others hear of it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from accounts.actors import Actor
from core.errors import StaleTransition
from experiments.models import SettingsGroup
from experiments.services import add_settings_group
from tests.factories import TWO_VARIANTS, make_draft

PEOPLE = 8


def test_of_eight_who_save_at_once_one_does(transactional_db: None, manager: Actor) -> None:
    experiment, ready = make_draft(manager), Barrier(PEOPLE)

    def save(_: int) -> str:
        ready.wait(30)
        try:
            add_settings_group(manager, experiment, {"variants": TWO_VARIANTS}, based_on=0)
        except StaleTransition as refusal:
            return refusal.detail
        finally:
            connection.close()
        return "saved"

    with ThreadPoolExecutor(PEOPLE) as pool:
        answers = Counter(pool.map(save, range(PEOPLE)))
    stale = (
        f"These settings of “{experiment.key}” were made from nothing; the newest is settings group 1 by now."
    )
    assert answers == {"saved": 1, stale: PEOPLE - 1}
    assert SettingsGroup.objects.count() == 1
