"""The catalogues of translations fit the sources: `make messages` brings them up to date."""

from __future__ import annotations

import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.checkers import checkers

from scripts.messages import LANGUAGES, LOCALE, ROOT, compiled, is_translated, path_of, read
from tests.usersplit.unmarked import templates, unmarked

SENT = {ROOT / "templates" / "notifications" / "mail"}
"""What is sent to others is English."""


@pytest.fixture(params=LANGUAGES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return read(path_of(request.param), request.param)


def _translated(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id and is_translated(message)]


def test_what_the_sources_say_is_collected() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "messages.py"), "--check"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=LOCALE)
    assert answer.returncode == 0, answer.stderr


def test_every_translation_keeps_its_placeholders_and_has_its_plural_forms(catalogue: Catalog) -> None:
    wrong = []
    for message in _translated(catalogue):
        for checker in checkers:
            try:
                checker(catalogue, message)
            except Exception as error:  # noqa: BLE001 - whatever a checker says is wrong
                wrong.append(f"{message.id}: {error}")
    assert wrong == []


def test_values_that_scripts_put_in_keep_their_names(catalogue: Catalog) -> None:
    wrong = []
    for message in _translated(catalogue):
        said = " ".join(_forms(message))
        words = message.id if isinstance(message.id, str) else message.id[-1]
        if _in_braces(said) != _in_braces(words) and "templates/components/script_words.html" in str(
            message.locations
        ):
            wrong.append(f"{words}: {said}")
    assert wrong == []


def _in_braces(text: str) -> set[str]:
    return {part.split("}")[0] for part in text.split("{")[1:] if "}" in part}


def test_nothing_is_in_doubt_or_half_translated(catalogue: Catalog) -> None:
    half = [message.id for message in catalogue if message.id and _is_half(message)]
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []
    assert half == []


def _is_half(message: Message) -> bool:
    return any(_forms(message)) and not all(_forms(message))


def _forms(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, list | tuple) else [message.string or ""]


def test_a_language_without_plurals_has_one_form(catalogue: Catalog) -> None:
    counted = [message for message in catalogue if message.pluralizable]
    assert counted
    assert catalogue.num_plurals == 1
    assert {len(_forms(message)) for message in counted} == {1}


def test_what_is_compiled_is_what_was_written(tmp_path: Path) -> None:
    written = tmp_path / "ja" / "LC_MESSAGES" / "django.po"
    written.parent.mkdir(parents=True)
    written.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Save"\nmsgstr "保存"\n\n#, fuzzy\nmsgid "Drop"\nmsgstr "落とす"\n'
    )
    with compiled(written).open("rb") as file:
        said = GNUTranslations(file)
    assert (said.gettext("Save"), said.gettext("Drop")) == ("保存", "Drop")


def test_no_page_has_words_that_nobody_can_translate() -> None:
    pages = [path for path in templates() if path.parent not in SENT]
    assert [str(row) for path in pages for row in unmarked(path)] == []
