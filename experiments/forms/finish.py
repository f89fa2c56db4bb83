"""How a test ends, as a form. The rules are the service's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.forms import ConsoleForm
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

    def ending(self) -> dict[str, object]:
        """What was typed, as `apply_verb` takes it. A winner's fields do not count when it is rejected."""
        ending = {name: value for name, value in self.cleaned_data.items() if value}
        if ending.get("result") == Outcome.REJECTED:
            ending = {name: value for name, value in ending.items() if name not in {"variant", "scope"}}
        return ending
