"""The demo, once: people, users, and tests with a past."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts.actors import Actor
from audience.generator import DEFAULT_COUNT, write_users
from audience.load_history import recorded_load
from audience.loading import load_users
from audience.warehouse import get_warehouse
from core import clock
from delivery.services import deliver
from experiments.models import Experiment
from usersplit.demo.loading import load_stories
from usersplit.demo.people import demo_token, save_personas, write_logins
from usersplit.demo.sending import load_hits

DEMO = Actor.machine("Demo")


class Command(BaseCommand):
    help = "Load the demo where it is missing: five people, generated users, a dozen tests. What is there already stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--users",
            type=int,
            default=DEFAULT_COUNT,
            help=f"how many users to make (default {DEFAULT_COUNT:,})",
        )

    def handle(self, *args: Any, users: int, **options: Any) -> None:
        # Killed anywhere, the next run does what is missing: the logins' file is written last.
        logins_file = settings.VAR_DIR / "demo.json"
        is_complete = logins_file.exists() and bool(json.loads(logins_file.read_text()).get("token"))
        if get_warehouse().user_count() == 0:
            self.stdout.write(f"Making {users:,} users…")
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "users.parquet"
                write_users(path, count=users, today=clock.now().date())
                with recorded_load("generated users of the demo", DEMO) as log:
                    report = load_users(
                        path, split_group_column="split_group", progress=log.progress, on_reject=log.reject
                    )
                    log.loaded(report)
        if is_complete:
            self.stdout.write("The demo is there already.")
            return
        logins = save_personas()
        if not Experiment.objects.exists():
            self.stdout.write("Making tests with a past…")
            made = load_stories()
            self.stdout.write(f"Made {made} tests and user groups.")
        deliver()
        self.stdout.write("Making what app servers sent meanwhile…")
        self.stdout.write(f"Sent and counted {load_hits():,} hits and events.")
        write_logins(logins_file, {"url": settings.PUBLIC_URL, "token": demo_token(), "logins": logins})
