"""What is asked of "Is it worth running?" as a form: percents where the rest of the product has parts."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.forms import ConsoleForm

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_PERCENTS: Final = ("effects", "alpha", "power")


def _number(label: StrOrPromise, help_text: StrOrPromise = "") -> forms.CharField:
    # Not a number field: browsers read "0,5" in their own language's way, and drop what they cannot read.
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=30, widget=widget)


class WorthForm(ConsoleForm):
    """The fields are those of `worth_asked.FIELDS`; everything is read and judged there."""

    metric = forms.ChoiceField(
        label=_("What is measured"),
        choices=[("proportion", _("A conversion rate")), ("mean", _("A mean per user"))],
        required=False,
    )
    baseline = _number(_("What it is today"), _("A conversion rate in percent."))
    deviation = _number(_("Standard deviation"), _("Of single users; for a mean only."))
    effects = _number(
        _("Change you hope for, in %"), _("Of what it is today. Left empty, the usual ones are shown.")
    )
    visitors_per_day = _number(_("Users of these who come by in a day"))
    visitors_per_week = _number(
        _("… and in a week"), _("Different users. Tells how much they are the same ones.")
    )
    arrivals_per_day = _number(
        _("New users a day"),
        _("Who meet the conditions. Left empty, those of the last four weeks are counted."),
    )
    days = _number(_("Days"), _("Left empty: 7, 14 and 28."))
    power = _number(_("Chance to find it, in %"))
    alpha = _number(_("Chance of a false alarm, in %"))
    sides = forms.ChoiceField(
        label=_("Question"),
        choices=[("2", _("Does it change?")), ("1", _("Does it change in this direction?"))],
        required=False,
    )

    def __init__(self, users: int, data: Any = None) -> None:
        self.users = users
        initial = {"visitors_per_day": str(users // 10 or 1), "power": "80", "alpha": "5"}
        super().__init__(data, initial=initial, auto_id="worth_%s")

    def arrange(self) -> None:
        self.fields["visitors_per_day"].help_text = gettext(
            "Of the %(users)s users who meet the conditions. One in ten is a guess: put your own number."
        ) % {"users": f"{self.users:,}"}

    def asked(self) -> dict[str, object]:
        """What was typed, as `worth_asked.read_asked` takes it. Call after `is_valid()`."""
        typed = {name: value for name, value in self.cleaned_data.items() if value}
        if (
            typed.get("visitors_per_day") == self.initial["visitors_per_day"]
            and "visitors_per_week" not in typed
        ):
            # Nobody said better than the guess, and the answer says so.
            del typed["visitors_per_day"]
        percents = [*_PERCENTS, *(["baseline"] if typed.get("metric") != "mean" else [])]
        return typed | {name: _part(typed[name]) for name in percents if name in typed}

    def tucked_away(self) -> list[forms.BoundField]:
        """The fields that most people leave as they are."""
        return [
            self[name]
            for name in ("visitors_per_week", "arrivals_per_day", "days", "power", "alpha", "sides")
        ]

    def opens(self) -> bool:
        """Whether something is wrong with one of those."""
        return any(field.errors for field in self.tucked_away())


def _part(percent: str) -> str:
    """ "5" → "0.05"; what is no number stays what it is, and is refused by its name."""
    try:
        return str(Decimal(percent.replace("%", "").replace(",", "").strip()) / 100)
    except InvalidOperation:
        return percent
