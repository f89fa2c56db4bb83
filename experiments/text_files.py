"""Files of texts that people upload: CSV or JSON of token, language and text. What is wrong is named by its line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext, ngettext

from core.errors import FieldError, InvalidInput
from core.text import unstorable_text
from experiments.models.app_text import MAX_LANGUAGE, MAX_TOKEN

MAX_FILE_BYTES: Final = 1_000_000
MAX_TEXTS: Final = 5_000
MAX_TEXT: Final = 10_000
MAX_ERRORS: Final = 20
COLUMNS: Final = ("token", "language", "text")
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*", re.ASCII)
_SPACE: Final = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class TextRow:
    """One text as the file has it; `line` is where it begins, from 1."""

    line: int
    token: str
    language: str
    text: str


class _Unreadable(ValueError):
    """The rest of the file cannot be read; (line, why)."""


def read_text_file(content: bytes, name: str) -> list[TextRow]:
    """The texts of a `.csv` or `.json` file, in its order. Raises InvalidInput at `file`, each mistake with its line."""
    if len(content) > MAX_FILE_BYTES:
        raise _refusal([gettext("The file is larger than 1 MB: upload it in parts.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refusal(
            [_at(line, gettext("is not UTF-8. Save the file as UTF-8 (in Excel: “CSV UTF-8”)."))]
        ) from error
    records = (
        _json_records if name.lower().endswith(".json") or text.lstrip()[:1] in {"[", "{"} else _csv_records
    )
    rows, errors = _checked(records(text))
    if not rows and not errors:
        errors = [gettext("There is no text in the file.")]
    if errors:
        raise _refusal(errors)
    return rows


def wrong_with(token: str, language: str, text: str) -> list[FieldError]:
    """What is wrong with one text, at the field's name; the words follow the name of the field."""
    errors = []
    for path, value, most in (
        ("token", token, MAX_TOKEN),
        ("language", language, MAX_LANGUAGE),
        ("text", text, MAX_TEXT),
    ):
        if not value.strip():
            errors.append(FieldError(path, gettext("must not be empty")))
        elif len(value) > most:
            message = gettext("is %(length)s characters long; at most %(most)s are possible")
            errors.append(FieldError(path, message % {"length": f"{len(value):,}", "most": f"{most:,}"}))
        elif unstorable_text(value):
            errors.append(
                FieldError(path, gettext("must not contain NUL characters or half of a surrogate pair"))
            )
        elif path == "language" and not _LANGUAGE.fullmatch(value):
            errors.append(FieldError(path, gettext("must be a language such as de, de_at or pt-BR")))
    return errors


def _checked(records: Iterator[tuple[int, dict[str, object]]]) -> tuple[list[TextRow], list[str]]:
    rows: list[TextRow] = []
    errors: list[str] = []
    lines: dict[tuple[str, str], int] = {}
    try:
        for number, (line, record) in enumerate(records):
            # Those that are wrong count as well: a million of them would be looked at for many seconds.
            if number >= MAX_TEXTS:
                message = gettext("The file has more than %(most)s texts: upload it in parts.")
                raise _Unreadable(message % {"most": f"{MAX_TEXTS:,}"})
            row, wrong = _row(line, record)
            errors += [_at(line, one) for one in wrong]
            if wrong:
                continue
            first = lines.setdefault((row.token, row.language.lower()), line)
            if first != line:
                message = gettext("%(token)s in %(language)s is on line %(line)s already")
                errors.append(
                    _at(line, message % {"token": row.token[:80], "language": row.language, "line": first})
                )
            rows.append(row)
    except _Unreadable as error:
        errors.append(str(error))
    return rows, errors


def _row(line: int, record: dict[str, object]) -> tuple[TextRow, list[str]]:
    values = [record.get(name, "") for name in COLUMNS]
    if not all(isinstance(value, str) for value in values):
        return TextRow(line, "", "", ""), [gettext("token, language and text must all be texts")]
    token, language, text = (str(value) for value in values)
    row = TextRow(line, token.strip(), language.strip(), text.replace("\r\n", "\n").replace("\r", "\n"))
    wrong = [f"{error.path} {error.message}" for error in wrong_with(row.token, row.language, row.text)]
    unknown = sorted(set(record) - set(COLUMNS))
    if unknown:
        message = gettext("has “%(name)s”; known are token, language and text")
        wrong.append(message % {"name": str(unknown[0])[:40].encode(errors="replace").decode()})
    return row, wrong


def _csv_records(text: str) -> Iterator[tuple[int, dict[str, object]]]:
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names: list[str] | None = None
    line = 1
    try:
        for fields in reader:
            if names is None:
                names = [name.strip().lower() for name in fields]
                if sorted(names) != sorted(COLUMNS):
                    raise _Unreadable(_at(1, gettext("must name the columns: token,language,text")))
            elif not any(field.strip() for field in fields):
                # A table's empty last rows.
                pass
            elif len(fields) != len(names):
                message = gettext(
                    "has %(number)s columns instead of 3. A text with commas in it stands in double quotes."
                )
                raise _Unreadable(_at(line, message % {"number": len(fields)}))
            else:
                yield line, dict(zip(names, fields, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise _Unreadable(
            _at(line, gettext("is not readable as CSV: a double quote is missing, or too much"))
        ) from error


def _json_records(text: str) -> Iterator[tuple[int, dict[str, object]]]:
    shape = gettext('must be a list such as [{"token": "pay_button", "language": "en", "text": "Buy"}]')
    decoder = json.JSONDecoder()
    at, line, counted = _after_space(text, 0), 1, 0
    if text[at : at + 1] != "[":
        raise _Unreadable(_at(1, shape))
    at = _after_space(text, at + 1)
    is_first = True
    while text[at : at + 1] != "]":
        if not is_first:
            if text[at : at + 1] != ",":
                raise _Unreadable(
                    _at(text.count("\n", 0, at) + 1, gettext("lacks a comma or the closing bracket"))
                )
            at = _after_space(text, at + 1)
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise _Unreadable(_at(error.lineno, gettext("is not readable as JSON"))) from error
        except (ValueError, RecursionError) as error:
            raise _Unreadable(_at(line, gettext("is not readable as JSON"))) from error
        if not isinstance(value, dict):
            raise _Unreadable(_at(line, shape))
        yield line, value
        at, is_first = _after_space(text, end), False
    if text[at + 1 :].strip():
        raise _Unreadable(_at(text.count("\n", 0, at) + 1, gettext("has more behind the closing bracket")))


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _at(line: int, message: str) -> str:
    return gettext("Line %(line)s: %(message)s") % {"line": f"{line:,}", "message": message}


def _refusal(errors: list[str]) -> InvalidInput:
    shown = [FieldError("file", message) for message in errors[:MAX_ERRORS]]
    more = len(errors) - len(shown)
    if more > 0:
        message = ngettext("And %(more)s more mistake.", "And %(more)s more mistakes.", more)
        shown.append(FieldError("file", message % {"more": f"{more:,}"}))
    return InvalidInput(shown)
