"""Texts of a test while somebody types them: token by token, one line per language, one field per variant.

`t.0.token` is the first token, `t.0.1.language` its second language, `t.0.1.v.2` the text of the third variant there.
Variants go by their place on the page, so that renaming one takes its texts along.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict
from django.utils.translation import gettext

from core.errors import FieldError

MAX_FIELDS: Final = 600
"""Fields that a page can show; more texts are edited as JSON."""
_FIELD = re.compile(r"t\.(\d{1,4})\.(?:(token)|(\d{1,4})\.(?:(language)|v\.(\d{1,4})))", re.ASCII)
# What programs put into a text: %(name)s, {{ name }}, ${name}, %{name}, {name}, {count:,}, %1$s, %s, and markup. A sign of
# percent that is doubled is none of them.
_PLACEHOLDER = re.compile(
    r"%%|%\(\w+\)[-+0#]?\d*(?:\.\d+)?[a-z]|\{\{[^{}]{1,80}\}\}|[$%]?\{[\w.]*(?:![rsa])?(?::[^{}]{0,80})?\}|%(?:\d\$)?[sdif@]"
    r"|</?\w[^<>]{0,200}>"
)


@dataclass(slots=True)
class TextLine:
    """One language of a token; `texts` by the variant's place, "" for as it is now."""

    language: str = ""
    texts: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class TokenTexts:
    """One token as typed."""

    token: str = ""
    lines: list[TextLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TextHint:
    """What is worth knowing of one text: its length beside the present text's, and which placeholders differ from that's."""

    length: int
    of: int | None
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def more(self) -> int | None:
        """How many characters it is longer than the present text; less than 0 when it is shorter."""
        return None if self.of is None else self.length - self.of

    @property
    def less(self) -> int:
        """How many characters it is shorter."""
        return max(0, -(self.more or 0))

    @property
    def is_much_longer(self) -> bool:
        """A third longer, and not by a few letters only: it may not fit where the present text stands."""
        return self.of is not None and self.length > self.of + 5 and self.length * 3 > self.of * 4


def texts_from_post(data: QueryDict, places: Mapping[int, int]) -> list[TokenTexts]:
    """As typed; gaps close. `places` are those of the variants: their numbers in the form → their order."""
    found: dict[int, TokenTexts] = {}
    lines: dict[tuple[int, int], TextLine] = {}
    for name in data:
        match = _FIELD.fullmatch(name)
        if match is None:
            continue
        token = int(match[1])
        its = found.setdefault(token, TokenTexts())
        if match[2]:
            its.token = data.get(name, "")
            continue
        line = lines.setdefault((token, int(match[3])), TextLine())
        if match[4]:
            line.language = data.get(name, "")
        elif int(match[5]) in places:
            line.texts[places[int(match[5])]] = data.get(name, "").replace("\r\n", "\n")
    for place, line in sorted(lines.items()):
        found[place[0]].lines.append(line)
    return [its for _, its in sorted(found.items())]


def texts_from(tokens: object, variants: Sequence[str]) -> list[TokenTexts] | None:
    """The table of stored or pasted texts; None when it cannot show them all."""
    if not isinstance(tokens, dict):
        return None
    made = []
    for token, by_variant in tokens.items():
        if not isinstance(by_variant, dict) or any(name not in variants for name in by_variant):
            return None
        if not all(isinstance(texts, dict) for texts in by_variant.values()):
            return None
        languages = dict.fromkeys(language for texts in by_variant.values() for language in texts)
        lines = [TextLine(language) for language in languages]
        for line in lines:
            for name, texts in by_variant.items():
                if not isinstance(texts.get(line.language, ""), str):
                    return None
                line.texts[variants.index(name)] = texts.get(line.language, "")
        made.append(TokenTexts(token, lines))
    is_too_much = sum(len(one.lines) for one in made) * max(len(variants), 1) > MAX_FIELDS
    return None if is_too_much else made


def tokens_of(
    typed: Iterable[TokenTexts], variants: Sequence[str], errors: list[FieldError]
) -> dict[str, Any]:
    """Token → variant → language → text, as the API takes it. Empty texts are left out: they are as they are now."""
    tokens: dict[str, Any] = {}
    for number, one in enumerate(typed, start=1):
        token = one.token.strip()
        by_variant: dict[str, dict[str, str]] = {}
        languages: set[str] = set()
        for line in one.lines:
            language = line.language.strip()
            texts = {place: text for place, text in line.texts.items() if text and place < len(variants)}
            if texts and not language:
                errors.append(
                    FieldError(
                        "tokens",
                        gettext("Token %(number)s: say in which language the texts are.")
                        % {"number": number},
                    )
                )
            if language in languages and language:
                errors.append(
                    FieldError(
                        "tokens",
                        gettext("Token %(number)s: %(language)s is there twice.")
                        % {"number": number, "language": language},
                    )
                )
            languages.add(language)
            for place, text in texts.items():
                by_variant.setdefault(variants[place], {})[language] = text
        if by_variant and not token:
            errors.append(
                FieldError(
                    "tokens",
                    gettext("Token %(number)s: say which token the texts are for.") % {"number": number},
                )
            )
        if token in tokens:
            errors.append(
                FieldError("tokens", gettext("The token %(token)s is there twice.") % {"token": token[:80]})
            )
        if by_variant:
            tokens[token] = by_variant
    return tokens


def hint_of(text: str, now: str | None) -> TextHint | None:
    """None while nothing is typed."""
    if not text:
        return None
    if now is None:
        return TextHint(len(text), None)
    wanted, found = _placeholders(now), _placeholders(text)
    return TextHint(len(text), len(now), tuple(sorted(wanted - found)), tuple(sorted(found - wanted)))


def _placeholders(text: str) -> Counter[str]:
    """How often each stands there: of two `%s` both are needed."""
    return Counter(one for one in _PLACEHOLDER.findall(text) if one != "%%")


def add_token(typed: list[TokenTexts], token: str, languages: Sequence[str]) -> None:
    """A new token with a line for each language that the application has it in, or that the others have."""
    used = [line.language for one in typed for line in one.lines]
    lines = [TextLine(language) for language in dict.fromkeys([*languages, *used])]
    typed.append(TokenTexts(token, lines or [TextLine("en")]))


def press(typed: list[TokenTexts], what: str, where: str) -> None:
    """Do what a button says: `remove_token:1`, `add_language:1`, `remove_language:1.0`. What is not there is left alone."""
    parts = [int(part) for part in where.split(".") if part.isascii() and part.isdecimal() and len(part) < 6]
    if not parts or parts[0] >= len(typed):
        return
    one = typed[parts[0]]
    if what == "remove_token":
        del typed[parts[0]]
    elif what == "add_language":
        one.lines.append(TextLine())
    elif what == "remove_language" and len(parts) == 2 and parts[1] < len(one.lines):
        del one.lines[parts[1]]


def forget_variant(typed: Iterable[TokenTexts], place: int) -> None:
    """The texts of a variant that is taken out go with it; those behind it move up."""
    for one in typed:
        for line in one.lines:
            line.texts = {at - (at > place): text for at, text in line.texts.items() if at != place}


def as_json(tokens: Mapping[str, Any]) -> str:
    """For the field in which they are edited as JSON."""
    return json.dumps(tokens, ensure_ascii=False, indent=2) if tokens else ""
