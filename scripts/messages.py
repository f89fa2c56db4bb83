"""Catalogues of translations: what pages say is collected from the sources into `locale/<language>/LC_MESSAGES/django.po`.

    python scripts/messages.py              collect anew: `make messages`
    python scripts/messages.py --check      say what has not been collected; changes nothing
    python scripts/messages.py --compile    write the .mo files that a running console reads: part of `make setup`

Django makes templates readable, Babel reads, sorts and writes: the same on every machine, without line numbers and dates, so
that only words that changed are in a diff.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from django.conf import settings
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parent.parent
LOCALE: Final = ROOT / "locale"
LANGUAGES: Final = ("ja", "ko")
PACKAGES: Final = (
    *("accounts", "analytics", "audience", "changelog", "console", "core", "delivery", "experiments"),
    *("notifications", "qa_tools", "usersplit", "templates"),
)
KEYWORDS: Final = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
HEADER: Final = """\
# UserSplit in {language}. Collected by `make messages`; what stands after msgstr is the translators'.
msgid ""
msgstr ""
"Project-Id-Version: UserSplit\\n"
"Language: {locale}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    if arguments.compile:
        for path in sorted(LOCALE.rglob("*.po")):
            compiled(path)
        return
    # Reading templates asks for no more than that.
    if not settings.configured:
        settings.configure(USE_I18N=True)
    words = collected()
    stale = []
    for locale in LANGUAGES:
        path = path_of(locale)
        known = read(path, locale)
        text = written(words, known, locale)
        if path.exists() and path.read_text() == text:
            continue
        stale.append(f"{locale}: {_difference(words, known)}")
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if arguments.check and stale:
        sys.exit("\n".join([*stale, "The catalogues are not those of the sources: run `make messages`."]))
    for locale in LANGUAGES:
        catalogue = read(path_of(locale), locale)
        done = sum(is_translated(message) for message in catalogue if message.id)
        print(f"{locale}: {done:,} of {len(catalogue):,} translated")


def path_of(locale: str) -> Path:
    """Where the catalogue of a language is."""
    return LOCALE / locale / "LC_MESSAGES" / "django.po"


def read(path: Path, locale: str) -> Catalog:
    """The catalogue at `path`; an empty one where there is none. Raises PoFileError for what is none."""
    if not path.exists():
        return Catalog(locale=locale)
    with path.open("rb") as file:
        return pofile.read_po(file, locale=locale, abort_invalid=True)


def is_translated(message: Message) -> bool:
    """Whether all of its forms are there and nobody doubts them."""
    forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return all(forms) and not message.fuzzy


def collected() -> Catalog:
    """Every message of the sources, with the files that say it."""
    catalogue = Catalog()
    for path in _sources():
        name = str(path.relative_to(ROOT))
        for _, found, comments, context in extract("python", _python(path), KEYWORDS, ["Translators:"]):
            catalogue.add(found, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalogue


def written(words: Catalog, known: Catalog, locale: str) -> str:
    """The catalogue file: these words, with the translations of `known` for those that are still the same."""
    catalogue = Catalog(locale=locale)
    for message in words:
        if not message.id:
            continue
        old = known.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
        keeps = old is not None and old.pluralizable == message.pluralizable and not old.fuzzy
        catalogue.add(
            message.id,
            string=old.string if old is not None and keeps else "",
            locations=sorted(set(message.locations)),
            auto_comments=message.auto_comments,
            user_comments=old.user_comments if old is not None and keeps else (),
            context=message.context,
        )
    file = io.BytesIO()
    pofile.write_po(file, catalogue, width=0, omit_header=True, sort_output=True, include_lineno=False)
    language = catalogue.locale.get_display_name("en") if catalogue.locale else locale
    return HEADER.format(language=language, locale=locale) + file.getvalue().decode().rstrip("\n") + "\n"


def compiled(path: Path) -> Path:
    """Write the .mo beside a .po; what is in doubt is left out and shown in English."""
    target = path.with_suffix(".mo")
    with path.open("rb") as source, target.open("wb") as file:
        write_mo(file, pofile.read_po(source, locale=path.parent.parent.name))
    return target


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in {".py", ".html", ".txt"} and "migrations" not in path.parts and path.is_file():
                yield path


def _python(path: Path) -> io.BytesIO:
    """The source as Python; of a template Django leaves the marked words, in calls. Its indents mean nothing to Python."""
    text = path.read_text()
    if path.suffix != ".py":
        text = "\n".join(line.lstrip() for line in templatize(text, origin=str(path)).split("\n"))
    return io.BytesIO(text.encode())


def _difference(words: Catalog, known: Catalog) -> str:
    now = {(message.id, message.context) for message in words if message.id}
    then = {(message.id, message.context) for message in known if message.id}
    news = [str(identity[0]) for identity in now - then]
    sample = "; ".join(sorted(news)[:3])
    return f"{len(now - then):,} new, {len(then - now):,} gone" + (f" (new: {sample})" if sample else "")


if __name__ == "__main__":
    main()
