"""Which queue a task waits in, and what is done again and again."""

from __future__ import annotations

from typing import Any, Final

from celery.schedules import crontab

# Delivery (a pause, above all) never waits behind a count, a new test never behind a night's recounts or a load of users: each
# has a queue of its own. A worker without -Q serves all of them; so that nothing waits, there are several (embedded/product.py).
QUEUES: Final = (
    *("celery", "preparation", "counting", "loading", "hits"),
    *("notify_mail", "notify_chat", "notify_jira"),
)
ROUTES: Final[dict[str, dict[str, str]]] = {
    "experiments.tasks.prepare": {"queue": "preparation"},
    "experiments.tasks.recount": {"queue": "counting"},
    "experiments.tasks.keep_matches": {"queue": "counting"},
    "experiments.tasks.check_health": {"queue": "counting"},
    "audience.tasks.load_users_from": {"queue": "loading"},
    "analytics.tasks.fold": {"queue": "hits"},
    "analytics.tasks.count_users": {"queue": "counting"},
    "analytics.tasks.compact": {"queue": "counting"},
    "analytics.tasks.keep_store": {"queue": "counting"},
    "analytics.tasks.watch_sample_ratios": {"queue": "counting"},
    "notifications.tasks.send_mail": {"queue": "notify_mail"},
    "accounts.tasks.mail_link": {"queue": "notify_mail"},
    "notifications.tasks.send_chat": {"queue": "notify_chat"},
    "notifications.tasks.keep_rooms": {"queue": "notify_chat"},
    "notifications.tasks.check_connection": {"queue": "notify_chat"},
    "notifications.tasks.send_jira": {"queue": "notify_jira"},
    "notifications.tasks.look_at_issues": {"queue": "notify_jira"},
}
# What was lost between a commit and the broker, or with a worker, is found again by these.
# Those that no worker took in time are dropped: after a night without workers thousands would stand before the work.
_sweep: dict[str, Any] = {"options": {"expires": 60}}
SWEEPS: Final[dict[str, dict[str, Any]]] = {
    "sweep-preparations": {"task": "experiments.tasks.sweep_preparations", "schedule": 5.0, **_sweep},
    "read-outbox": {"task": "notifications.tasks.read_outbox", "schedule": 5.0, **_sweep},
    "plan-time-events": {"task": "notifications.tasks.plan_time_events", "schedule": 60.0, **_sweep},
    "send-mail": {"task": "notifications.tasks.send_mail", "schedule": 5.0, **_sweep},
    "send-chat": {"task": "notifications.tasks.send_chat", "schedule": 5.0, **_sweep},
    "send-jira": {"task": "notifications.tasks.send_jira", "schedule": 5.0, **_sweep},
    "keep-rooms": {"task": "notifications.tasks.keep_rooms", "schedule": 30.0, **_sweep},
    "look-at-issues": {"task": "notifications.tasks.look_at_issues", "schedule": 60.0, **_sweep},
    "deliver": {"task": "delivery.tasks.deliver", "schedule": 15.0, **_sweep},
    "forget-silent-servers": {"task": "delivery.tasks.forget_silent_servers", "schedule": 3600.0},
    "sweep-recounts": {"task": "experiments.tasks.sweep_recounts", "schedule": 30.0, **_sweep},
    "keep-matches": {"task": "experiments.tasks.keep_matches", "schedule": 30.0, **_sweep},
    "load-users": {"task": "audience.tasks.sweep_sources", "schedule": 60.0, **_sweep},
    # Asked for every two seconds: one that waited for longer has been followed by others.
    "fold-hits": {"task": "analytics.tasks.fold", "schedule": 2.0, "options": {"expires": 10}},
    "count-users": {"task": "analytics.tasks.count_users", "schedule": 5.0, "options": {"expires": 10}},
    "watch-sample-ratios": {"task": "analytics.tasks.watch_sample_ratios", "schedule": 300.0, **_sweep},
    "watch-hits": {"task": "analytics.tasks.watch_hits", "schedule": 60.0, **_sweep},
    "compact-hits": {"task": "analytics.tasks.compact", "schedule": 60.0, **_sweep},
}
BY_THE_CLOCK: Final[dict[str, dict[str, Any]]] = {
    "keep-store": {"task": "analytics.tasks.keep_store", "schedule": crontab(hour=2, minute=47)},
    "prune-ledger": {"task": "analytics.tasks.prune_ledger", "schedule": crontab(hour=4, minute=27)},
    "recount": {"task": "experiments.tasks.recount_all", "schedule": crontab(hour=3, minute=17)},
    "prune-counts": {"task": "experiments.tasks.prune", "schedule": crontab(hour=4, minute=17)},
    "forget-answers": {"task": "accounts.tasks.forget_answers", "schedule": crontab(minute=27)},
    "check-health": {"task": "experiments.tasks.check_health", "schedule": crontab(hour=4, minute=7)},
}
# Whoever serves a queue says so, for the page about the system's health.
PULSES: Final[dict[str, dict[str, Any]]] = {
    f"pulse-{name}": {
        "task": "console.tasks.pulse",
        "schedule": 15.0,
        "args": [name],
        "options": {"queue": name, "expires": 15},
    }
    for name in QUEUES
}
