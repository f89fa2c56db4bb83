"""How a test ends, as a form. The rules are the service's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.forms import ConsoleForm
from experiments.lifecycle import Status
from experiments.list_rows import audience_totals
from experiments.models import Experiment, Outcome, Scope

_OUTCOME_WORDS = {
    Outcome.WINNER: _("A variant won: its users' experience becomes the product"),
    Outcome.REJECTED: _("Rejected: nobody gets a variant any more"),
}
_SCOPE_WORDS = {
    Scope.EVERYWHERE: _("Everyone gets the winner"),
    Scope.CONDITIONS: _("Whoever meets the conditions gets it, whatever their split group"),
}


class FinishForm(ConsoleForm):
    """Outcome, winner, scope and conclusion; for a user group the conclusion alone."""

    result = forms.ChoiceField(
        label=_("Outcome"), choices=list(_OUTCOME_WORDS.items()), widget=forms.RadioSelect, required=False
    )
    variant = forms.ChoiceField(label=_("Winner"), required=False)
    scope = forms.ChoiceField(
        label=_("Who gets the winner"),
        choices=list(_SCOPE_WORDS.items()),
        widget=forms.RadioSelect,
        required=False,
    )
    conclusion = forms.CharField(
        label=_("Conclusion"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What you learned. Those who come after you will read it."),
    )

    def __init__(self, experiment: Experiment, data: Any = None) -> None:
        self.experiment = experiment
        super().__init__(data)

    def arrange(self) -> None:
        if not self.experiment.is_test:
            self.fields = {"conclusion": self.fields["conclusion"]}
            return
        current = self.experiment.current
        names = [variant.name for variant in current.variants.all()] if current else []
        variant = forms.ChoiceField(
            label=_("Winner"),
            choices=[("", "—"), *((name, name) for name in names)],
            required=False,
            help_text=_("Only when a variant won."),
        )
        self.fields["variant"] = variant
        totals = audience_totals([current.pk]).get(current.pk) if current else None
        if totals is not None:
            counted = gettext(
                "Whoever meets the conditions gets it, whatever their split group: %(users)s users"
            )
            words = _SCOPE_WORDS | {Scope.CONDITIONS: counted % {"users": f"{totals.users:,}"}}
            scope = forms.ChoiceField(
                label=self.fields["scope"].label,
                choices=list(words.items()),
                widget=forms.RadioSelect,
                required=False,
            )
            self.fields["scope"] = scope

    def clean(self) -> dict[str, Any]:
        """What was left out is asked for in the words of the page, before the service is asked."""
        typed = super().clean() or self.cleaned_data
        # What is given up in dev is rejected, chosen or not.
        if not self.experiment.is_test or (self.experiment.status == Status.DEV and not typed.get("result")):
            return typed
        if not typed.get("result") and "result" not in self.errors:
            self.add_error("result", gettext("Choose how it ends."))
        if typed.get("result") == Outcome.WINNER:
            if not typed.get("variant") and "variant" not in self.errors:
                self.add_error("variant", gettext("Choose the variant that won."))
            if not typed.get("scope") and "scope" not in self.errors:
                self.add_error("scope", gettext("Choose who gets the winner."))
        return typed

    def ending(self) -> dict[str, object]:
        """What was typed, as `apply_verb` takes it. A winner's fields do not count when it is rejected."""
        ending = {name: value for name, value in self.cleaned_data.items() if value}
        if ending.get("result") == Outcome.REJECTED:
            ending = {name: value for name, value in ending.items() if name not in {"variant", "scope"}}
        return ending
