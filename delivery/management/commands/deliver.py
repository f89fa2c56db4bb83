"""`manage.py deliver`: write the test files now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from delivery.folder import FolderUnusable
from delivery.services import deliver


class Command(BaseCommand):
    help = "Write the test files and the manifest into DELIVERY_DIR now, and say what changed."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = deliver()
        except FolderUnusable as error:
            raise CommandError(error.detail) from error
        state = "new" if report.is_new else "unchanged"
        self.stdout.write(f"Version {report.version} ({state}) in {settings.DELIVERY_DIR}")
        for path in report.written:
            self.stdout.write(f"  written    {path}")
        for path in report.removed:
            self.stdout.write(f"  removed    {path}")
        self.stdout.write(f"  unchanged  {report.unchanged} {'file' if report.unchanged == 1 else 'files'}")
        for path, why in report.refused.items():
            self.stderr.write(self.style.ERROR(f"  refused    {path}: {why}. Its last good file stays."))
