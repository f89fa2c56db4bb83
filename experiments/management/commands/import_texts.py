"""`manage.py import_texts de.po --language de`: the application's texts, to be seen beside those that tests try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actors import Actor
from core.errors import InvalidInput
from experiments.app_texts import MAX_FILE_BYTES, UnreadableTexts, read_texts
from experiments.services.app_texts import load_app_texts


class Command(BaseCommand):
    help = "Load the application's own texts of one language from a .po file, or JSON of token → text."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--language", required=True, help="As the application asks for it: de, de_at.")
        parser.add_argument(
            "--replace", action="store_true", help="Forget the language's tokens that the file does not have."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise CommandError(f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB.")
            texts = read_texts(path.read_text("utf-8"), path.name)
            loaded, left_out = load_app_texts(
                Actor.machine("import_texts"),
                options["language"],
                texts,
                replace=options["replace"],
                source=path.name,
            )
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        except UnreadableTexts as error:
            raise CommandError(f"{path} {error}") from error
        except InvalidInput as refusal:
            raise CommandError(refusal.errors[0].message) from refusal
        self.stdout.write(f"{loaded:,} texts in {options['language']} loaded, {left_out:,} left out.")
