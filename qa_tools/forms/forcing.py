"""Forms that put users and devices into a variant, or switch all tests off for them. The services say what is wrong."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Environment
from core.errors import FieldError, InvalidInput
from core.forms import ConsoleForm, PlainSelect
from delivery.subjects import MAX_ID
from experiments.services import Forcing
from experiments.services.forcing import MAX_PEOPLE

_LINE: Final = "lines"
_MOST_TEXT: Final = 500_000
_MOST_COMPLAINTS: Final = 50


class TargetField(forms.ChoiceField):
    """A variant of one of the tests that are offered; the service asks again whether that may be."""

    def __init__(self) -> None:
        super().__init__(required=False, label=_("Test and variant"), widget=PlainSelect)

    def offer(self, tests: Mapping[str, Sequence[str]]) -> None:
        """These tests with their variants, by key."""
        offered = [(key, [(f"{key}:{name}", name) for name in names]) for key, names in tests.items()]
        self.choices = [("", _("Choose…")), *offered]


class TermsForm(ConsoleForm):
    """Why, and until when."""

    reason = forms.CharField(max_length=500, required=False, label=_("Why"))
    expires_on = forms.DateField(
        required=False,
        label=_("Last day"),
        help_text=_("It ends with this day (UTC). Empty: when somebody removes it."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def expires_at(self) -> dt.datetime | None:
        """The first moment at which it applies no more."""
        last: dt.date | None = self.cleaned_data.get("expires_on")
        if last is None or last == dt.date.max:
            return None
        return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), dt.UTC)

    def complain(self, refusal: InvalidInput) -> None:
        """Put what a service refused at the fields of this form."""
        self.refuse(InvalidInput([self._here(error) for error in refusal.errors]))

    def _here(self, error: FieldError) -> FieldError:
        names = {"variant": "target", "expires_at": "expires_on"}
        return FieldError(names.get(error.path, error.path), error.message)


class PersonForm(TermsForm):
    """A user or a device."""

    field_order = ["user_id", "device_id"]

    user_id = forms.CharField(max_length=MAX_ID, required=False, strip=False, label=_("User id"))
    device_id = forms.CharField(
        max_length=MAX_ID,
        required=False,
        strip=False,
        label=_("or device id"),
        help_text=_("One of the two."),
    )


class ForceForm(PersonForm):
    """Put a user or a device into a variant."""

    field_order = ["target", "user_id", "device_id", "environment"]

    target = TargetField()
    environment = forms.ChoiceField(choices=Environment, required=False, label=_("Environment"))

    def __init__(self, *args: Any, tests: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        self._tests = tests
        super().__init__(*args, **kwargs)

    def arrange(self) -> None:
        """Offer the tests."""
        cast(TargetField, self.fields["target"]).offer(self._tests)

    def target_of(self) -> tuple[str, str]:
        """The key of the chosen test and the name of the variant, each "" if nothing was chosen."""
        key, _, variant = self.cleaned_data["target"].partition(":")
        return key, variant


class ForceManyForm(TermsForm):
    """Put up to 1,000 users or devices into variants of one test: a line for each."""

    field_order = ["target", "kind", "environment", "lines"]

    target = TargetField()
    kind = forms.ChoiceField(
        choices=[("user_id", _("User ids")), ("device_id", _("Device ids"))],
        required=False,
        label=_("What the ids are"),
    )
    environment = forms.ChoiceField(choices=Environment, required=False, label=_("Environment"))
    lines = forms.CharField(
        required=False,
        strip=False,
        max_length=_MOST_TEXT,
        label=_("Ids"),
        help_text=format_lazy(
            _(
                "One per line, up to {most}. Another variant than the chosen one stands behind a comma: "
                "4711,green. An id with a comma in it goes in quotation marks; spaces around an id are dropped."
            ),
            most=f"{MAX_PEOPLE:,}",
        ),
        widget=forms.Textarea(
            attrs={"rows": 10, "spellcheck": "false", "class": "form-control us-code-input"}
        ),
    )

    def __init__(self, *args: Any, tests: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        self._tests = tests
        self._numbers: list[int] = []
        super().__init__(*args, **kwargs)

    def arrange(self) -> None:
        """Offer the tests."""
        cast(TargetField, self.fields["target"]).offer(self._tests)

    def target_of(self) -> tuple[str, str]:
        """The key of the chosen test and the name of the variant, each "" if nothing was chosen."""
        key, _, variant = self.cleaned_data["target"].partition(":")
        return key, variant

    def people(self, variant: str) -> list[Forcing]:
        """Everybody on a line of their own. Raises InvalidInput naming every line that cannot be read."""
        found, errors = [], []
        self._numbers = []
        id_name = self.cleaned_data["kind"] or "user_id"
        for number, line in self._filled_lines():
            try:
                cells = next(csv.reader([line], strict=True))
            except csv.Error:
                errors.append(
                    _at(number, gettext("A quotation mark is not closed, or something stands behind it."))
                )
                continue
            # What is pasted from a spreadsheet often has spaces around it.
            cells = [cell.strip() for cell in cells]
            if len(cells) > 2 or not cells[0]:
                errors.append(_at(number, gettext("Must be an id, or an id, a comma and a variant.")))
                continue
            self._numbers.append(number)
            own = cells[1] if len(cells) == 2 else ""
            found.append(Forcing(own or variant, **{id_name: cells[0]}))
        if errors:
            raise InvalidInput(errors)
        if not found:
            raise InvalidInput.at(_LINE, gettext("Give at least one id."))
        return found

    def complain(self, refusal: InvalidInput) -> None:
        """The service counts people; who typed them counts lines."""
        errors = [self._at_line(error) for error in refusal.errors]
        super().complain(InvalidInput(errors[:_MOST_COMPLAINTS]))
        if len(errors) > _MOST_COMPLAINTS:
            more = f"{len(errors) - _MOST_COMPLAINTS:,}"
            self.add_error(_LINE, gettext("And %(more)s more.") % {"more": more})

    def _filled_lines(self) -> Iterator[tuple[int, str]]:
        # Only what keyboards and browsers end lines with: other separators may be part of an id.
        text = self.cleaned_data["lines"].replace("\r\n", "\n").replace("\r", "\n")
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield number, line

    def _at_line(self, error: FieldError) -> FieldError:
        if error.path == "people":
            return FieldError(_LINE, error.message)
        index, closed, _ = error.path.removeprefix("people[").partition("]")
        if not closed or not error.path.startswith("people["):
            return error
        return _at(self._numbers[int(index)], error.message)


class TestsOffForm(PersonForm):
    """Switch all tests off for a user or a device."""

    __test__ = False


def _at(number: int, message: str) -> FieldError:
    words = gettext("Line %(number)s: %(message)s")
    return FieldError(_LINE, words % {"number": f"{number:,}", "message": message})
