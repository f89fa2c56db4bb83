"""Forms of the console: Tabler's classes on Django's widgets, and a service's complaints at their fields."""

from __future__ import annotations

from typing import Any

from django import forms

from core.errors import InvalidInput

_CLASS_OF_WIDGET: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, "form-check-input"),
    (forms.RadioSelect, "form-check-input"),
    (forms.CheckboxInput, "form-check-input"),
    (forms.Select, "form-select"),
    (forms.Widget, "form-control"),
)


class ConsoleForm(forms.Form):
    """Nothing is required here: the services know what is, and say so in one place for console, API and commands."""

    required_css_class = "required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.arrange()
        for name, field in self.fields.items():
            css = next(css for widget, css in _CLASS_OF_WIDGET if isinstance(field.widget, widget))
            invalid = " is-invalid" if self.is_bound and name in self.errors else ""
            field.widget.attrs.setdefault("class", css + invalid)

    def arrange(self) -> None:
        """Add or take out fields that depend on what the form is for."""

    def refuse(self, refusal: InvalidInput) -> None:
        """Put each of the service's errors at the field it names; what names none goes above the form."""
        for error in refusal.errors:
            name = error.path.split("[")[0].split(".")[0]
            if name in self.fields:
                # `choices[3].value: …` belongs to one field of the form; the path says where in it.
                where = "" if error.path == name else f"{error.path.removeprefix(name)}: "
                self.add_error(name, where + error.message)
                self.fields[name].widget.attrs["class"] += " is-invalid"
            else:
                self.add_error(None, f"{error.path}: {error.message}")
