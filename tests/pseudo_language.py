"""A language in which every message of ours stands between ⟦ and ⟧: what stands outside was never marked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from pytest_django import Settings

from scripts.messages import collected

OPENS: Final = "⟦"
CLOSES: Final = "⟧"
LANGUAGE: Final = "ja"
"""Whose place it takes."""


@pytest.fixture(scope="session")
def pseudo_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as LOCALE_PATHS has them."""
    folder = tmp_path_factory.mktemp("locale")
    catalogue = Catalog(locale=LANGUAGE)
    for message in collected():
        if message.id:
            last = message.id if isinstance(message.id, str) else message.id[-1]
            said = f"{OPENS}{last}{CLOSES}"
            catalogue.add(
                message.id, said if isinstance(message.id, str) else (said,), context=message.context
            )
    target = folder / LANGUAGE / "LC_MESSAGES" / "django.mo"
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        write_mo(file, catalogue)
    return folder


@pytest.fixture
def pseudo_language(pseudo_catalogue: Path, settings: Settings) -> str:
    """The language's code, while it is spoken."""
    settings.LOCALE_PATHS = [str(pseudo_catalogue)]
    return LANGUAGE
