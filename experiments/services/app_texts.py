"""Loading the application's own texts."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from core import clock
from core.errors import FieldError, InvalidInput
from core.text import unstorable_text
from experiments.models import AppText
from experiments.models.app_text import MAX_LANGUAGE, MAX_TOKEN


@transaction.atomic
def load_app_texts(language: str, texts: Mapping[str, str], *, replace: bool = False) -> tuple[int, int]:
    """Take over the texts of one language; answers (loaded, left out for a token that is too long or not storable).

    `replace` forgets the language's other tokens, else they stay. Raises InvalidInput for a language that cannot be one.
    """
    if not 0 < len(language) <= MAX_LANGUAGE or not language.replace("-", "_").replace("_", "").isalnum():
        raise InvalidInput([FieldError("language", "Must be a language such as de, de_at or pt-BR.")])
    rows = [
        AppText(token=token, language=language, text=text, loaded_at=clock.now())
        for token, text in texts.items()
        if token and len(token) <= MAX_TOKEN and not unstorable_text(token) and not unstorable_text(text)
    ]
    if replace:
        AppText.objects.filter(language=language).exclude(token__in=[row.token for row in rows]).delete()
    AppText.objects.bulk_create(
        rows,
        batch_size=1_000,
        update_conflicts=True,
        unique_fields=["token", "language"],
        update_fields=["text", "loaded_at"],
    )
    return len(rows), len(texts) - len(rows)
