"""All that must be done before the product starts, in one process: a start is mostly imports."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Migrate the database, then make what the first visitor finds. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--empty", action="store_true", help="no demo: one superuser who can sign in")

    def handle(self, *args: Any, empty: bool, verbosity: int, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=verbosity)
        call_command("ensure_superuser" if empty else "load_demo", verbosity=verbosity)
