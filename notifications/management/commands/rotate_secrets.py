"""`manage.py rotate_secrets`: encrypt the secrets of connections with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from notifications.models import Connection
from notifications.secrets import SecretUnreadable, encrypt_anew


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of all connections anew, with the first of NOTIFICATIONS_KEYS. "
        "Afterwards the other keys are not needed any more, unless a connection is named here as unreadable."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, unreadable = self._rotate()
        self.stdout.write(f"Encrypted with the newest key: {done} of {done + len(unreadable)}.")
        if unreadable:
            names = ", ".join(unreadable)
            raise CommandError(
                f"Written with a key that is not there: {names}. Add the key, or type them in again."
            )

    @transaction.atomic
    def _rotate(self) -> tuple[int, list[str]]:
        done, unreadable = 0, []
        # Locked: a secret that somebody types in meanwhile is not overwritten with the one from before.
        for connection in Connection.objects.select_for_update().order_by("name"):
            try:
                connection.secret = encrypt_anew(bytes(connection.secret))
            except SecretUnreadable:
                unreadable.append(connection.name)
                continue
            connection.save(update_fields=["secret"])
            done += 1
        return done, unreadable
