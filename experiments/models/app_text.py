"""The application's own texts, loaded from its translations: what stands beside the texts that tests try instead."""

from __future__ import annotations

from typing import Final

from django.db import models

from core import clock

MAX_TOKEN: Final = 500
MAX_LANGUAGE: Final = 35


class AppText(models.Model):
    """What a token says now in one language. Data like the users: loaded, replaced by the next load, no part of any test."""

    token = models.CharField(max_length=MAX_TOKEN, help_text="The message itself, or its context in gettext.")
    language = models.CharField(
        max_length=MAX_LANGUAGE, help_text="As the application asks for it: de, de_at."
    )
    text = models.TextField()
    loaded_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["token", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "language"], name="experiments_apptext_token_language_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.token} ({self.language})"
