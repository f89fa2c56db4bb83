"""A web process that is killed while it answers: `python -m tests.accounts.dying_request before|after TOKEN KEY`.

`before` its transaction commits, or `after` that and before anybody hears of it.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import django


def die(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    moment, token, key = sys.argv[1:]
    django.setup()

    from django.test import Client

    from accounts.api.idempotency import IdempotentPosts
    from accounts.models import KeptAnswer
    from experiments.models import Experiment

    if moment == "before":
        create = KeptAnswer.save

        def save(self: KeptAnswer, **options: Any) -> None:
            # The work is done, its answer about to be kept.
            if options.get("update_fields"):
                assert Experiment.objects.filter(key="button").exists()
                die()
            create(self, **options)

        KeptAnswer.save = save  # type: ignore[method-assign, assignment]
    else:
        IdempotentPosts.after_commit = die  # type: ignore[assignment]
    Client(SERVER_NAME="localhost").post(
        "/api/v1/tests/",
        {"key": "button", "name": "Button"},
        "application/json",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )
