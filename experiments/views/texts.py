"""Texts of a test beside what the application says now: the card of the editor, its preview, and picking a token."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from core.errors import FieldError, InvalidInput
from core.http import HtmxRequest
from core.text import unstorable_text
from experiments.forms.settings_form import SettingsForm, form_from_post
from experiments.forms.texts import (
    TextHint,
    TextLine,
    add_token,
    as_json,
    hint_of,
    press,
    texts_from,
    tokens_of,
)
from experiments.models import AppText
from experiments.views.access import acting_access_to

TOKENS_OFFERED: Final = 50


@dataclass(frozen=True, slots=True)
class FieldView:
    """One text: which variant's, what is typed, what is worth knowing of it. `field_id` is unique on the page."""

    field_id: str
    is_control: bool
    place: int
    variant: str
    text: str
    hint: TextHint | None


@dataclass(frozen=True, slots=True)
class LineView:
    """One language of a token; `now` is what the application says, None where that is not known."""

    index: int
    language: str
    now: str | None
    fields: list[FieldView]

    @property
    def is_readable(self) -> bool:
        """Whether anybody would read anything: typed here, or what the application says."""
        return self.now is not None or any(one.text for one in self.fields)


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token with its languages."""

    index: int
    token: str
    lines: list[LineView]


@require_POST
def texts_preview(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The texts as users will read them, with their lengths, while somebody types."""
    acting_access_to(request, kind, key)
    form = form_from_post(request.POST)
    return render(
        request, "experiments/settings/texts_preview.html", texts_context(form) | {"with_hints": True}
    )


@require_safe
def token_options(request: HtmxRequest) -> HttpResponse:
    """Tokens of the application whose name or text has what was typed, as options of a list."""
    wanted = request.GET.get("new_token", "").strip()[:100]
    found = AppText.objects.none()
    if wanted and not unstorable_text(wanted):
        found = AppText.objects.filter(Q(token__icontains=wanted) | Q(text__icontains=wanted))
    offered: dict[str, str] = {}
    for token, text in found.order_by("token", "language").values_list("token", "text")[
        : 20 * TOKENS_OFFERED
    ]:
        if len(offered) < TOKENS_OFFERED:
            offered.setdefault(token, text)
    return render(request, "experiments/settings/token_options.html", {"offered": offered.items()})


def texts_context(form: SettingsForm) -> dict[str, Any]:
    """`texts` for the templates, and the languages to choose from."""
    now = _texts_now({one.token.strip() for one in form.texts})
    names = [
        row.name.strip() or gettext("variant %(number)s") % {"number": number}
        for number, row in enumerate(form.variants, start=1)
    ]
    texts = [
        TokenView(
            index,
            one.token,
            [
                _line(
                    form.control,
                    (index, at),
                    line,
                    now.get((one.token.strip(), line.language.strip().lower())),
                    names,
                )
                for at, line in enumerate(one.lines)
            ],
        )
        for index, one in enumerate(form.texts)
    ]
    return {
        "texts": texts,
        "is_readable": any(line.is_readable for one in texts for line in one.lines),
        "languages": _languages(),
        "has_app_texts": AppText.objects.exists(),
        "tokens_example": '{"pay_button": {"green": {"en": "Get it"}}}',
    }


def pick_token(form: SettingsForm, token: str) -> None:
    """A token to try other words for, with the languages that the application has it in. Raises InvalidInput for none."""
    token = token.strip()
    if not token:
        raise InvalidInput(
            [FieldError("tokens", gettext("Say which token: its name, or the message itself."))]
        )
    known = AppText.objects.filter(token=token).order_by("language") if not unstorable_text(token) else ()
    add_token(form.texts, token, [one.language for one in known] or _languages()[:3])


def pressed_text_button(form: SettingsForm, what: str, where: str, new_token: str) -> bool:
    """Whether the button was one of this card; then it is done. Raises InvalidInput for what it cannot do."""
    if what == "add_token":
        pick_token(form, new_token)
    elif what == "texts_as_json":
        errors: list[FieldError] = []
        names = [row.name.strip() for row in form.variants]
        form.tokens = as_json(tokens_of(form.texts, names, errors))
        if errors:
            raise InvalidInput(errors)
        form.texts_are_json, form.texts = True, []
    elif what == "texts_as_rows":
        _show_as_rows(form)
    elif what in {"remove_token", "add_language", "remove_language"}:
        press(form.texts, what, where)
    else:
        return False
    return True


def _show_as_rows(form: SettingsForm) -> None:
    form.texts_are_json = True
    try:
        read = json.loads(form.tokens or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput([FieldError("tokens", gettext("Is not readable as JSON."))]) from error
    texts = texts_from(read, [row.name.strip() for row in form.variants])
    if texts is None:
        message = gettext(
            "Cannot be shown as a table: it has variants that are not above, too many texts, or another shape."
        )
        raise InvalidInput([FieldError("tokens", message)])
    form.texts, form.texts_are_json = texts, False


def _line(
    control: str, at: tuple[int, int], line: TextLine, now: str | None, names: Iterable[str]
) -> LineView:
    token, index = at
    fields = [
        FieldView(
            field_id=f"t-{token}-{index}-{place}",
            is_control=control == str(place),
            place=place,
            variant=name,
            text=line.texts.get(place, ""),
            hint=hint_of(line.texts.get(place, ""), now),
        )
        for place, name in enumerate(names)
    ]
    return LineView(index, line.language, now, fields)


def _texts_now(tokens: set[str]) -> dict[tuple[str, str], str]:
    """What the application says, by token and language in small letters."""
    asked = [token for token in tokens if token and not unstorable_text(token)]
    rows = AppText.objects.filter(token__in=asked).values_list("token", "language", "text") if asked else ()
    return {(token, language.lower()): text for token, language, text in rows}


def _languages() -> list[str]:
    return list(AppText.objects.order_by("language").values_list("language", flat=True).distinct()[:100])
