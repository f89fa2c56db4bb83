"""The tree for templates: for each row what can be chosen, what was, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from audience.builder.tree import Bracket, Path, Row, is_too_large, walk
from audience.operator_words import BEFORE_A_NUMBER, LABELS
from audience.specs import Catalogue, FilterSpec
from core.errors import FieldError
from usersplit_sdk.operators import OPERATORS

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_STEP = re.compile(r"\[(\d{1,9})\]")
_FIELDS: Final = ("filter", "operator", "value")
Errors = Mapping[tuple[Path, str], list[str]]


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose."""

    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class RowView:
    """One condition. `input` says which fields its value has: none, choice, choices, date, number, text, lines, range or days.
    `may_enter`: it stands beside brackets that it can be moved into."""

    path: str
    joint: str
    filter: str
    filters: list[tuple[str, list[Option]]]
    operators: list[Option]
    input: str
    values: list[str]
    more: str
    options: list[Option]
    hint: str
    errors: Mapping[str, list[str]]
    number: str
    input_type: str = "text"
    is_bracket: bool = False
    is_picked: bool = False
    may_enter: bool = False

    @property
    def anchor(self) -> str:
        """The id that a link to this condition jumps to."""
        return anchor_of(self.path)

    @property
    def value_name(self) -> str:
        return f"c.{self.path}.value"

    @property
    def has_choice(self) -> bool:
        return any(option.is_chosen for option in self.options)


@dataclass(frozen=True, slots=True)
class BracketNote:
    """What stands above brackets that came from elsewhere, and whether there is something newer to put in their place."""

    words: str
    can_renew: bool = False


@dataclass(frozen=True, slots=True)
class BracketView:
    """Items in chains: what AND binds stands together, and OR stands between the chains."""

    path: str
    joint: str
    chains: list[list[RowView | BracketView]]
    errors: Mapping[str, list[str]]
    number: str
    is_bracket: bool = True
    is_picked: bool = False
    may_enter: bool = False
    note: BracketNote | None = None

    @property
    def anchor(self) -> str:
        return anchor_of(self.path)

    @property
    def has_or(self) -> bool:
        return len(self.chains) > 1


def anchor_of(path: str) -> str:
    """`1.0` → `c-1-0`."""
    return f"c-{path.replace('.', '-')}"


@dataclass(slots=True)
class ConditionErrors:
    """A service's errors about conditions, by item; `others` name no item that is shown."""

    by_item: dict[tuple[Path, str], list[str]] = field(default_factory=dict)
    # What the rows ask, in people's words.
    labels: dict[Path, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def sort_errors(
    errors: Iterable[FieldError],
    prefix: str = "conditions",
    *,
    rows: Bracket | None = None,
    catalogue: Catalogue | None = None,
) -> ConditionErrors:
    """`conditions[2][0].value` → the item (1, 0) and its field. What is not filled in yet in `rows` is said as such."""
    sorted_errors = ConditionErrors()
    for error in errors:
        rest = error.path.removeprefix(prefix)
        steps, end = [], 0
        while match := _STEP.match(rest, end):
            steps.append(int(match[1]))
            end = match.end()
        name = rest[end:].lstrip(".").partition("[")[0]
        message = f"{error.message[:1].upper()}{error.message[1:]}"
        if not steps or any(step % 2 for step in steps[:-1]):
            sorted_errors.others.append(message)
            continue
        path = tuple((step + 1) // 2 for step in steps)
        place = "joint" if steps[-1] % 2 else name if name in _FIELDS else ""
        sorted_errors.by_item.setdefault((path, place), []).append(message)
    if rows is not None:
        _say_what_is_not_filled_in(rows, sorted_errors.by_item)
        asked = {path: item.filter for path, item in walk(rows) if isinstance(item, Row)}
        sorted_errors.labels = {
            path: spec.label for path, name in asked.items() if (spec := (catalogue or {}).get(name))
        }
    return sorted_errors


def _say_what_is_not_filled_in(root: Bracket, by_item: dict[tuple[Path, str], list[str]]) -> None:
    """Programs are told which names and types are possible; somebody in front of an empty field, to fill it in."""
    for path, item in walk(root):
        if not isinstance(item, Row):
            continue
        if not item.filter and (path, "filter") in by_item:
            by_item[path, "filter"] = [gettext("Choose what to ask.")]
            by_item.pop((path, "operator"), None)
        elif (path, "value") in by_item and (not item.all_values() or "" in item.values):
            by_item[path, "value"] = [_empty_value(item)]


def _empty_value(row: Row) -> str:
    operand = OPERATORS[row.operator].operand if row.operator in OPERATORS else ""
    if operand == "many":
        return gettext("Choose at least one value.")
    return gettext("Fill in both values.") if operand == "range" else gettext("Fill in a value.")


def view_of(
    root: Bracket, catalogue: Catalogue, errors: Errors, notes: Mapping[Path, BracketNote] | None = None
) -> BracketView | None:
    """The whole tree for the template, `notes` on its brackets; None when it is too large for a page."""
    if is_too_large(root):
        return None
    return _bracket(root, (), "", catalogue, errors, notes or {})


def settle(root: Bracket, catalogue: Catalogue) -> None:
    """Give rows whose filter has just been chosen the first operator that it offers, as the page will show it."""
    for _path, item in walk(root):
        if isinstance(item, Row):
            shown = next(
                (
                    option.value
                    for option in _operators(catalogue.get(item.filter), item.operator)
                    if option.is_chosen
                ),
                "",
            )
            item.operator = shown or item.operator


def _bracket(
    bracket: Bracket,
    path: Path,
    number: str,
    catalogue: Catalogue,
    errors: Errors,
    notes: Mapping[Path, BracketNote],
) -> BracketView:
    chains: list[list[RowView | BracketView]] = []
    for index, item in enumerate(bracket.items):
        here = (*path, index)
        its_number = f"{number}.{index + 1}" if number else str(index + 1)
        if index == 0 or item.joint == "OR":
            chains.append([])
        view: RowView | BracketView
        if isinstance(item, Bracket):
            view = replace(_bracket(item, here, its_number, catalogue, errors, notes), note=notes.get(here))
        else:
            view = _row(item, here, its_number, catalogue, errors)
        beside = bracket.items[max(index - 1, 0) : index] + bracket.items[index + 1 : index + 2]
        may_enter = any(isinstance(other, Bracket) for other in beside)
        chains[-1].append(replace(view, is_picked=item.is_picked, may_enter=may_enter))
    return BracketView(_written(path), bracket.joint, chains, _errors_at(path, errors), number)


def _row(row: Row, path: Path, number: str, catalogue: Catalogue, errors: Errors) -> RowView:
    spec = catalogue.get(row.filter)
    operators = _operators(spec, row.operator)
    chosen = next((option.value for option in operators if option.is_chosen), "")
    kind = _input(spec, chosen)
    options = _options(spec, row) if kind in {"choice", "choices"} and spec else []
    values = row.values if kind != "lines" else []
    # What was picked by name before and has none here becomes a line of text.
    more = row.more if kind != "lines" else "\n".join(row.all_values())
    return RowView(
        path=_written(path),
        joint=row.joint,
        filter=row.filter,
        filters=_filters(catalogue, row.filter),
        operators=operators,
        input=kind,
        values=values + [""] * (2 - len(values)),
        more=more,
        options=options,
        hint=str(_HINTS.get(spec.type if spec else "", ""))
        if kind not in {"choice", "choices", "none"}
        else "",
        errors=_errors_at(path, errors),
        number=number,
        input_type=_input_type(spec, kind, values),
    )


def _input_type(spec: FilterSpec | None, kind: str, values: list[str]) -> str:
    """A date picker for days. A moment, or whatever else was typed, is shown as it is."""
    is_date = spec is not None and spec.type == "date" and kind in {"date", "range"}
    return "date" if is_date and all(value == "" or _DAY.fullmatch(value) for value in values) else "text"


_HINTS: Final = {
    "version": _("such as 2.10.3"),
    "date": _("days are UTC"),
}
_TEXT_INPUT: Final = {"integer": "number", "number": "number", "date": "date"}


def _input(spec: FilterSpec | None, operator: str) -> str:
    known = OPERATORS.get(operator)
    if spec is None or known is None or known.operand == "none":
        return "none"
    if known.operand == "many":
        return "choices" if spec.choices else "lines"
    if known.operand in {"range", "days", "pattern"}:
        return {"range": "range", "days": "days", "pattern": "text"}[known.operand]
    if spec.type == "boolean" or (spec.choices and operator in {"eq", "neq", "has"}):
        return "choice"
    return _TEXT_INPUT.get(spec.type, "text")


def _filters(catalogue: Catalogue, chosen: str) -> list[tuple[str, list[Option]]]:
    """All filters by where they are read from; archived ones only where one is chosen already."""
    about_user, about_request = gettext("About the user"), gettext("About the request")
    groups: dict[str, list[Option]] = {about_user: [], about_request: []}
    for name, spec in catalogue.items():
        if not spec.archived or name == chosen:
            group = about_user if spec.source == "user" else about_request
            label = gettext("%(filter)s (archived)") % {"filter": spec.label} if spec.archived else spec.label
            groups[group].append(Option(name, label, name == chosen))
    if chosen and chosen not in catalogue:
        groups[gettext("Unknown")] = [Option(chosen, chosen[:63], is_chosen=True)]
    return [(label, options) for label, options in groups.items() if options]


def _operators(spec: FilterSpec | None, chosen: str) -> list[Option]:
    """Those that the filter offers; the first when the one chosen does not belong to it."""
    if spec is None:
        return []
    names = [name for name in spec.operators if name in OPERATORS]
    if chosen not in names:
        chosen = names[0] if names else ""
    return [Option(name, _operator_label(name), name == chosen) for name in names]


def _operator_label(name: str) -> str:
    # In a sentence the number stands before "days"; in a form it follows in its own field.
    return str(BEFORE_A_NUMBER.get(name, LABELS[name]))


def _options(spec: FilterSpec, row: Row) -> list[Option]:
    """The named values, those chosen first, in the order in which they are stored: who saves them unchanged changes nothing."""
    named = {_text(choice.value): choice.label for choice in spec.choices}
    if spec.type == "boolean" and not named:
        named = {"true": pgettext("value of a filter", "yes"), "false": pgettext("value of a filter", "no")}
    picked = {value: place for place, value in enumerate(row.values) if value != ""}
    options = [Option(value, label, value in picked) for value, label in named.items()]
    options += [Option(value, value, is_chosen=True) for value in sorted(picked.keys() - named.keys())]
    return sorted(options, key=lambda option: picked.get(option.value, len(picked) + len(row.values)))


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _written(path: Path) -> str:
    return ".".join(map(str, path))


def _errors_at(path: Path, errors: Errors) -> dict[str, list[str]]:
    return {name or "item": messages for (where, name), messages in errors.items() if where == path}
