"""Check a user: every test, the variant or the reason why there is none, and the conditions predicate by predicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from audience.catalogue import load_catalogue
from core.errors import InvalidInput
from experiments.models import Kind
from experiments.models.experiment import StatusChoices
from experiments.selectors import visible_experiments
from qa_tools.checking import Answer, Check, check_user
from qa_tools.condition_tree import TreeLine, tree_lines
from qa_tools.explaining import readable_profile
from qa_tools.forms.checking import CheckForm
from usersplit_sdk import Reason

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A test or group as the page shows it. `lines` are its conditions; `error`: what is wrong with them."""

    key: str
    name: str
    answer: Answer | None
    is_in: bool = False
    lines: tuple[TreeLine, ...] = ()
    error: str = ""
    note: str = ""

    @property
    def status_label(self) -> str:
        """The status that the test's file gives it, in a word."""
        return str(StatusChoices(self.answer.status).label) if self.answer and self.answer.status else ""


@require_safe
def user_check(request: HttpRequest) -> HttpResponse:
    """Every test for one user. The address holds the question, so it can be sent around."""
    actor = signed_in_actor(request)
    catalogue = load_catalogue()
    form = CheckForm(request.GET or None, catalogue=catalogue)
    tests = _names(actor, Kind.TEST)
    context: dict[str, Any] = {"form": form, "keys": list(tests)}
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            check = check_user(
                actor, form.subject(list(tests)), given["environment"] or "production", as_of=given["as_of"]
            )
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            groups = _names(actor, Kind.GROUP)
            user = check.subject.user
            group_rows = _group_rows(check, groups, given["q"])
            page = _test_rows(check, tests, given["q"], request.GET.get("page"))
            context |= {
                "check": check,
                "profile": readable_profile(user.attributes if user else {}, catalogue),
                "request_values": readable_profile(check.subject.environment.attributes, catalogue),
                "typed": ", ".join(label for label, _ in readable_profile(form.typed_profile, catalogue)),
                "page": page,
                "is_single": page.paginator.count == 1,
                "hits_query": _ids_query(given, "user_id", "device_id"),
                "force_query": _ids_query(given, "user_id" if given["user_id"] else "device_id"),
                "groups": group_rows[:PAGE_SIZE],
                "groups_left_out": len(group_rows[PAGE_SIZE:]),
            }
    return render(request, "qa_tools/check/page.html", context, status=422 if form.errors else 200)


def _names(actor: Actor, kind: str) -> dict[str, str]:
    """By key, in their order: nothing else is shown of them, and with many of them it would be most of what is read."""
    return dict(visible_experiments(actor, kind).order_by("key").values_list("key", "name"))


def _ids_query(given: Mapping[str, Any], *names: str) -> str:
    """Those of these ids that are given, for an address; "" for a guest without a device, who has none."""
    return urlencode({name: given[name] for name in names if given[name]})


def _test_rows(check: Check, tests: Mapping[str, str], search: str, page: str | None) -> Page[AnswerRow]:
    """Tests in which the user has a variant come first: that is what people look for."""
    found = [answer for answer in check.answers if _fits(answer.test, tests.get(answer.test, ""), search)]
    found.sort(key=lambda answer: (answer.decision.variant is None, answer.test))
    shown: Page[Any] = Paginator(found, PAGE_SIZE).get_page(page)
    # Only those of this page are traced.
    shown.object_list = [_test_row(answer, tests, check) for answer in shown.object_list]
    return shown


def _group_rows(check: Check, groups: Mapping[str, str], search: str) -> list[AnswerRow]:
    rows = []
    for key in (*check.groups, *check.other_groups):
        if _fits(key, groups.get(key, ""), search):
            trace = check.trace_group(key)
            lines = tree_lines(trace, check.catalogue, is_marked=not trace.met)
            is_in = key in check.groups
            rows.append(AnswerRow(key, groups.get(key, ""), None, is_in, lines, trace.error or ""))
    return rows


def _test_row(answer: Answer, tests: Mapping[str, str], check: Check) -> AnswerRow:
    trace = check.trace(answer)
    name = tests.get(answer.test, "")
    if trace is None:
        return AnswerRow(answer.test, name, answer, error=gettext("There is no test file that can be used."))
    was_asked = check.asked_conditions(answer)
    lines = tree_lines(trace, check.catalogue, is_marked=answer.decision.reason is Reason.CONDITIONS_NOT_MET)
    note = "" if was_asked else gettext("The decision did not come to them. They would be:")
    return AnswerRow(answer.test, name, answer, lines=lines, error=trace.error or "", note=note)


def _fits(key: str, name: str, search: str) -> bool:
    words = search.strip().lower()
    return words in key or words in name.lower()
