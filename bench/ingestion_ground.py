"""What the ingestion needs in the product's database, and what came of it; run as a process of its own on that database."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from experiments.models import Experiment


def main() -> None:
    """`prepare N`: a token and so many tests. `counts`: the hits in each place. One line of JSON."""
    django.setup()
    question, *numbers = sys.argv[1:]
    print(json.dumps(_prepare(int(numbers[0])) if question == "prepare" else _counts()))


def _prepare(tests: int) -> dict[str, Any]:
    from accounts.actors import Actor  # noqa: PLC0415 - after Django is set up
    from accounts.models import Scope, User  # noqa: PLC0415
    from accounts.services import create_token  # noqa: PLC0415
    from bench.ingestion_product import wait_until  # noqa: PLC0415
    from experiments.lifecycle import Verb  # noqa: PLC0415
    from experiments.models import Kind  # noqa: PLC0415
    from experiments.services import add_settings_group, apply_verb, create_experiment  # noqa: PLC0415

    actor = Actor.person(User.objects.filter(is_superuser=True).earliest("pk"))
    variants = [
        {"name": name, "percent": "1", "is_control": name == "control"} for name in ("control", "green")
    ]
    for number in range(tests):
        experiment = create_experiment(actor, Kind.TEST, {"key": f"test_{number}", "name": f"Test {number}"})
        group = add_settings_group(actor, experiment, {"variants": variants})
        # Here, or by a worker that was faster.
        prepared = partial(_is_prepared, experiment, group.pk)
        wait_until(prepared, f"{experiment.key} is prepared")
        apply_verb(actor, experiment, Verb.PUBLISH)
    token = create_token(actor, "ingestion", [Scope.INGEST])[1]
    triples = [(f"test_{number}", 1, name) for number in range(tests) for name in ("control", "green")]
    return {"token": token, "tests": triples}


def _is_prepared(experiment: Experiment, group_id: int) -> bool:
    from experiments.services import prepare_settings_group  # noqa: PLC0415

    prepare_settings_group(group_id)
    experiment.refresh_from_db()
    return experiment.current_id == group_id


def _counts() -> dict[str, int]:
    from django.db.models import Sum  # noqa: PLC0415

    from analytics.models import DailyHits, HourlyHits, StoredFile, TotalHits, WaitingBatch  # noqa: PLC0415
    from analytics.store import get_store  # noqa: PLC0415
    from experiments.models import SettingsGroup  # noqa: PLC0415

    live = StoredFile.objects.filter(stream="hits", replaced_at=None)
    groups = list(SettingsGroup.objects.values_list("pk", flat=True))
    return {
        "waiting": WaitingBatch.objects.count(),
        "store": live.aggregate(sum=Sum("items"))["sum"] or 0,
        "users": sum(count.users for count in get_store().count_users(groups, None, None, None)),
        **{
            name: model.objects.aggregate(sum=Sum("hits"))["sum"] or 0
            for name, model in (("hourly", HourlyHits), ("daily", DailyHits), ("total", TotalHits))
        },
    }


if __name__ == "__main__":
    main()
