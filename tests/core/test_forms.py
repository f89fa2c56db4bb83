"""Lists of the console are drawn as Django draws them."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.test.html import parse_html

from core.forms import ConsoleForm, PlainSelect

CHOICES: list[Any] = [
    ("", "Nothing"),
    (1, 'One "<b>'),
    ("two & <three>", "Two"),
    ("Group <i>", [("a", "A"), ("b", "B")]),
    (None, "None"),
]


@pytest.mark.parametrize("value", ["", None, 1, "1", "two & <three>", "b", "no such", ["a"]])
def test_the_same_as_django(value: Any) -> None:
    attrs = {"class": 'form-select" onclick', "required": True, "data-x": "<"}
    theirs = forms.Select(attrs, CHOICES)
    ours = PlainSelect.like(theirs)
    more = {"id": "id_x", "aria-invalid": "true"}
    assert parse_html(ours.render("x", value, more)) == parse_html(theirs.render("x", value, more))


def test_forms_of_the_console_use_them() -> None:
    class Form(ConsoleForm):
        plain = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], initial="b")
        boxes = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect)

    form = Form()
    assert isinstance(form.fields["plain"].widget, PlainSelect)
    assert isinstance(form.fields["boxes"].widget, forms.RadioSelect)
    assert '<option value="b" selected>B</option>' in str(form["plain"])
    assert 'class="form-select"' in str(form["plain"])
    assert Form({"plain": "c", "boxes": "a"}).errors.keys() == {"plain"}
