"""Every queue has a worker in the product, and what takes long has a queue apart from delivery."""

from __future__ import annotations

import pytest

from usersplit.celery import app
from usersplit.embedded.product import workers


def queue_of(task: str) -> str:
    return str(app.amqp.router.route({}, task)["queue"].name)


def test_the_product_serves_every_queue_once() -> None:
    served = [queue for worker in workers({}) for queue in worker.queues.split(",")]
    assert sorted(served) == sorted(queue.name for queue in app.conf.task_queues)


def test_every_task_that_the_settings_name_exists() -> None:
    app.loader.import_default_modules()
    assert app.conf.task_routes.keys() <= app.tasks.keys()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= app.tasks.keys()


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("delivery.tasks.deliver", "celery"),
        ("experiments.tasks.sweep_preparations", "celery"),
        ("experiments.tasks.prepare", "preparation"),
        ("experiments.tasks.recount", "counting"),
        ("audience.tasks.load_users_from", "loading"),
        ("analytics.tasks.fold", "hits"),
    ],
)
def test_a_task_goes_to_its_queue(task: str, queue: str) -> None:
    assert queue_of(task) == queue
