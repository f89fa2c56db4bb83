"""Preparing a settings group, from the queue to attached: on the demo, and among a thousand live tests.

In a process of its own with a database, a broker and a worker that are gone afterwards.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measuring import Figure, figures

if TYPE_CHECKING:
    from experiments.models import Experiment, SettingsGroup

ROUNDS = 7
LIVE_TESTS = 1_000
PATIENCE = 60.0
VARIANTS = [{"name": "control", "percent": "5", "is_control": True}, {"name": "green", "percent": "5"}]
CONDITIONS = [
    {"filter": "country_id", "operator": "in", "value": [50, 51, 52, 53, 54, 55]},
    "AND",
    {"filter": "age", "operator": "gte", "value": 18},
]


def run() -> str:
    """The figures, as text."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "WAREHOUSE_URL": f"duckdb://{folder}/warehouse",
            "DELIVERY_DIR": f"{folder}/delivery",
            "DJANGO_SETTINGS_MODULE": "usersplit.settings",
            "LOG_LEVEL": "ERROR",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        }
        inside = [sys.executable, "-m", "bench.preparation", folder]
        command = [sys.executable, "-m", "usersplit.embedded", "exec", "--", *inside]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        measured = json.loads((Path(folder) / "measured.json").read_text())
    rows = [
        Figure("the demo's 200,000 users and tests: queued → attached", measured["demo"], 3, "s"),
        Figure(f"a draw among {LIVE_TESTS:,} live tests, stored", measured["draw"], 1, "s"),
    ]
    more = [
        f"  {what:<62} {measured[name]:>10.2f} s"
        for what, name in {
            "the slowest of them on the demo": "demo_slowest",
            "of the draw, processor time of this process": "draw_processor",
            f"queued → attached among {LIVE_TESTS:,} live tests": "crowd",
            f"what-if among {LIVE_TESTS:,} live tests, three objectives": "what_if",
            f"the capacity calendar of a year, {LIVE_TESTS:,} live tests": "capacity",
        }.items()
    ]
    return "\n".join(
        [f"Preparing a settings group ({measured['tests']} tests in the demo)", figures(rows), *more]
    )


def _measure() -> dict[str, Any]:
    """Inside: everything that needs Django."""
    from django.core.management import call_command  # noqa: PLC0415 - after django.setup()

    from experiments.capacity import capacity_calendar  # noqa: PLC0415
    from experiments.models import Experiment, Kind  # noqa: PLC0415
    from experiments.services import preparation  # noqa: PLC0415
    from experiments.what_if import what_if  # noqa: PLC0415

    call_command("prepare")
    tests = Experiment.objects.filter(kind=Kind.TEST).unfinished().exclude(current=None).count()
    with _worker():
        _queued_to_attached()  # the worker's imports are not what is asked about
        demo = [_queued_to_attached() for _ in range(ROUNDS)]
        _crowd(LIVE_TESTS - tests)
        crowd = statistics.median(_queued_to_attached() for _ in range(3))
    locked: list[float] = []
    processor: list[float] = []
    complete = preparation._complete  # noqa: SLF001 - the part with the lock

    def watched(*args: Any, **options: Any) -> Any:
        started = time.process_time()
        answer = _timed(locked, lambda: complete(*args, **options))
        processor.append(time.process_time() - started)
        return answer

    preparation._complete = watched  # noqa: SLF001
    for _ in range(3):
        assert preparation.prepare_settings_group(_new_settings().pk)
    actor, draft = _manager(), _new_test()
    body = {"variants": VARIANTS, "conditions": CONDITIONS}
    asked: list[float] = []
    for _ in range(3):
        _timed(asked, lambda: what_if(actor, draft, body))
    calendar: list[float] = []
    _timed(calendar, lambda: capacity_calendar(days=365).earliest(1_200, 14))
    return {
        "tests": tests,
        "demo": statistics.median(demo),
        "demo_slowest": max(demo),
        "crowd": crowd,
        "draw": statistics.median(locked),
        "draw_processor": statistics.median(processor),
        "what_if": statistics.median(asked),
        "capacity": calendar[0],
    }


def _timed(taken: list[float], act: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    answer = act()
    taken.append(time.perf_counter() - started)
    return answer


@contextmanager
def _worker() -> Iterator[None]:
    """The worker that counts, as in the product."""
    command = [sys.executable, "-m", "celery", "-A", "usersplit", "worker", "--concurrency", "2"]
    queues = [
        "--queues",
        "preparation,counting",
        "--loglevel",
        "ERROR",
        "--without-mingle",
        "--without-gossip",
    ]
    process = subprocess.Popen([*command, *queues])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _manager() -> Any:
    from accounts.actors import Actor  # noqa: PLC0415

    return Actor.machine("bench")


def _new_test() -> Experiment:
    from experiments.models import Kind  # noqa: PLC0415
    from experiments.services import create_experiment  # noqa: PLC0415

    key = f"bench_{secrets.token_hex(6)}"
    return create_experiment(_manager(), Kind.TEST, {"key": key, "name": key})


def _new_settings() -> SettingsGroup:
    from experiments.services import add_settings_group  # noqa: PLC0415

    settings = {"variants": VARIANTS, "conditions": CONDITIONS}
    return add_settings_group(_manager(), _new_test(), settings)


def _queued_to_attached() -> float:
    """Seconds from the commit of new settings until they are current."""
    from experiments.models import Experiment  # noqa: PLC0415

    settings_group = _new_settings()
    started = time.perf_counter()
    attached = Experiment.objects.filter(current=settings_group)
    while not attached.exists():
        if time.perf_counter() - started > PATIENCE:
            raise SystemExit("the worker did not prepare it")
        time.sleep(0.005)
    return time.perf_counter() - started


def _crowd(number: int) -> None:
    """So many running tests, written as rows: 2 to 12 % each, every tenth with conditions of its own."""
    from experiments.models import (  # noqa: PLC0415
        AudienceCount,
        Draw,
        Experiment,
        Preparation,
        PreparationState,
        SettingsGroup,
        Variant,
    )

    rng = np.random.default_rng(1)
    experiments = Experiment.objects.bulk_create(
        Experiment(key=f"crowd_{index}", name="One of many", area="") for index in range(number)
    )
    groups = SettingsGroup.objects.bulk_create(
        SettingsGroup(experiment=experiment, number=1, conditions=_conditions(index, rng))
        for index, experiment in enumerate(experiments)
    )
    sizes = [int(rng.integers(24, 144)) for _ in groups]
    Variant.objects.bulk_create(
        Variant(settings_group=group, position=position, name=name, split_group_count=size)
        for group, size in zip(groups, sizes, strict=True)
        for position, name in ((1, "control"), (2, "green"))
    )
    nobody = np.zeros(2400, dtype=np.int64).tolist()
    counts = AudienceCount.objects.bulk_create(
        [
            AudienceCount.packed({}, settings_group=group, users=nobody, warehouse_version="")
            for group in groups
        ]
    )
    draws = []
    for group, count, size in zip(groups, counts, sizes, strict=True):
        owners = np.zeros(2400, dtype=np.int16)
        owners[rng.permutation(2400)[: 2 * size]] = np.repeat([1, 2], size)
        draws.append(
            Draw(
                settings_group=group, count=count, owners=owners.tolist(), objective="random", seed=1, log={}
            )
        )
    Draw.objects.bulk_create(draws)
    Preparation.objects.bulk_create(
        Preparation(settings_group=group, state=PreparationState.READY) for group in groups
    )
    for experiment, group in zip(experiments, groups, strict=True):
        experiment.current = group
    Experiment.objects.bulk_update(experiments, ["current"])


def _conditions(index: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    if index % 2:
        return []
    countries = sorted(
        int(number) for number in rng.choice(np.arange(1, 200), 20 if index % 10 else 40, replace=False)
    )
    return [{"filter": "country_id", "source": "user", "operator": "in", "value": countries}]


if __name__ == "__main__":
    import django

    django.setup()
    (Path(sys.argv[1]) / "measured.json").write_text(json.dumps(_measure()))
