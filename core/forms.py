"""Forms of the console: Tabler's classes on Django's widgets, and a service's complaints at their fields."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from html import escape
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.errors import InvalidInput

_CLASS_OF_WIDGET: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, "form-check-input"),
    (forms.RadioSelect, "form-check-input"),
    (forms.CheckboxInput, "form-check-input"),
    (forms.Select, "form-select"),
    (forms.Widget, "form-control"),
)


class PlainSelect(forms.Select):
    """A list as Django draws it, without a template for each of its options: with hundreds of tests that was half of a page."""

    @classmethod
    def like(cls, widget: forms.Select) -> PlainSelect:
        """With the choices and attributes of this one."""
        plain = cls(widget.attrs, widget.choices)
        plain.is_required = widget.is_required
        return plain

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = set(self.format_value(value) or ())
        groups = (
            f'<optgroup label="{_escaped(label)}">{_options(given, chosen)}</optgroup>'
            if isinstance(given, list | tuple)
            else _options([(label, given)], chosen)
            for label, given in self.choices
        )
        return format_html(
            '<select name="{}"{}>{}</select>',
            name,
            flatatt(self.build_attrs(self.attrs, attrs)),
            SafeString("".join(groups)),
        )


def _options(options: Iterable[tuple[Any, Any]], chosen: set[str]) -> str:
    """Those of a list; who is found in `chosen` empties it, because one can be selected only."""
    texts = []
    for given, label in options:
        value, selected = "" if given is None else str(given), ""
        if value in chosen:
            selected = " selected"
            chosen.clear()
        texts.append(f'<option value="{_escaped(value)}"{selected}>{_escaped(label)}</option>')
    return "".join(texts)


def _escaped(text: object) -> str:
    # Django's own way asks of each text whether it is lazy, which takes longer than escaping it.
    return str(text.__html__()) if hasattr(text, "__html__") else escape(str(text))


class UtcDateTimeField(forms.DateTimeField):
    """A moment typed in UTC, whatever the clocks of who types."""

    def to_python(self, value: Any) -> dt.datetime | None:
        with timezone.override(dt.UTC):
            return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        with timezone.override(dt.UTC):
            return super().prepare_value(value)


class ConsoleForm(forms.Form):
    """Nothing is required here: the services know what is, and say so in one place for console, API and commands."""

    required_css_class = "required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.arrange()
        for name, field in self.fields.items():
            if type(field.widget) is forms.Select:
                field.widget = PlainSelect.like(field.widget)
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
