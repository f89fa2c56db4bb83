"""What the ingestion needs in the product's database, and what came of it; run as a process of its own on that database."""

from __future__ import annotations

import json
import sys
from typing import Any

import django


def main() -> None:
    """`prepare`: a token and tests. `counts`: the hits in each place. One line of JSON."""
    django.setup()
    print(json.dumps({"prepare": _prepare, "counts": _counts}[sys.argv[1]]()))


def _prepare() -> dict[str, Any]:
    from accounts.actors import Actor  # noqa: PLC0415 - after Django is set up
    from accounts.models import Scope, User  # noqa: PLC0415
    from accounts.services import create_token  # noqa: PLC0415
    from bench.ingestion_product import TESTS  # noqa: PLC0415
    from experiments.models import Kind  # noqa: PLC0415
    from experiments.services import add_settings_group, create_experiment  # noqa: PLC0415

    actor = Actor.person(User.objects.filter(is_superuser=True).earliest("pk"))
    variants = [
        {"name": name, "percent": "1", "is_control": name == "control"} for name in ("control", "green")
    ]
    for number in range(TESTS):
        experiment = create_experiment(actor, Kind.TEST, {"key": f"test_{number}", "name": f"Test {number}"})
        add_settings_group(actor, experiment, {"variants": variants})
    token = create_token(actor, "ingestion", [Scope.INGEST])[1]
    tests = [(f"test_{number}", 1, name) for number in range(TESTS) for name in ("control", "green")]
    return {"token": token, "tests": tests}


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
