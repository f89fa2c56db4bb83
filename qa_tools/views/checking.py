"""Check a user: every test, the variant or the reason why there is none, and the conditions predicate by predicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import signed_in_actor
from audience.catalogue import load_catalogue
from core.errors import InvalidInput
from experiments.models import Experiment, Kind
from experiments.selectors import visible_experiments
from qa_tools.checking import Answer, Check, check_user
from qa_tools.condition_tree import TreeLine, tree_lines
from qa_tools.explaining import readable_profile
from qa_tools.forms.checking import CheckForm
from usersplit_sdk.trace import Trace

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A test or group as the page shows it. `lines` are its conditions; `error`: what is wrong with them."""

    key: str
    experiment: Experiment | None
    answer: Answer | None
    is_in: bool
    lines: tuple[TreeLine, ...]
    error: str


@require_safe
def user_check(request: HttpRequest) -> HttpResponse:
    """Every test for one user. The address holds the question, so it can be sent around."""
    actor = signed_in_actor(request)
    catalogue = load_catalogue()
    form = CheckForm(request.GET or None, catalogue=catalogue)
    tests = {test.key: test for test in visible_experiments(actor, Kind.TEST)}
    context: dict[str, Any] = {"form": form, "keys": sorted(tests)}
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            check = check_user(
                actor, form.subject(list(tests)), given["environment"] or "production", as_of=given["as_of"]
            )
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            groups = {group.key: group for group in visible_experiments(actor, Kind.GROUP)}
            user = check.subject.user
            page = _test_rows(check, tests, given["q"], request.GET.get("page"))
            context |= {
                "check": check,
                "profile": readable_profile(user.attributes if user else {}, catalogue),
                "request_values": readable_profile(check.subject.environment.attributes, catalogue),
                "typed": readable_profile(form.typed_profile, catalogue),
                "page": page,
                "is_single": page.paginator.count == 1,
                "hits_query": _hits_query(given),
                "groups": _group_rows(check, groups, given["q"]),
            }
    return render(request, "qa_tools/check/page.html", context, status=422 if form.errors else 200)


def _hits_query(given: Mapping[str, Any]) -> str:
    """Whose hits are shown beside; "" for a guest without a device, who has none."""
    return urlencode({name: given[name] for name in ("user_id", "device_id") if given[name]})


def _test_rows(
    check: Check, tests: Mapping[str, Experiment], search: str, page: str | None
) -> Page[AnswerRow]:
    """Tests in which the user has a variant come first: that is what people look for."""
    found = [answer for answer in check.answers if _fits(answer.test, tests.get(answer.test), search)]
    found.sort(key=lambda answer: (answer.decision.variant is None, answer.test))
    shown: Page[Any] = Paginator(found, PAGE_SIZE).get_page(page)
    # Only those of this page are traced.
    shown.object_list = [
        _row(answer.test, tests, answer, check.trace(answer), check) for answer in shown.object_list
    ]
    return shown


def _group_rows(check: Check, groups: Mapping[str, Experiment], search: str) -> list[AnswerRow]:
    own = set(check.groups)
    keys = [key for key in (*check.groups, *check.other_groups) if _fits(key, groups.get(key), search)]
    return [
        _row(key, groups, None, check.trace_group(key), check, is_in=key in own) for key in keys[:PAGE_SIZE]
    ]


def _row(
    key: str,
    experiments: Mapping[str, Experiment],
    answer: Answer | None,
    trace: Trace | None,
    check: Check,
    *,
    is_in: bool = False,
) -> AnswerRow:
    lines = tree_lines(trace, check.catalogue) if trace else ()
    error = (trace.error or "") if trace else "There is no test file that can be used."
    return AnswerRow(key, experiments.get(key), answer, is_in, lines, error)


def _fits(key: str, experiment: Experiment | None, search: str) -> bool:
    words = search.strip().lower()
    return words in key or (experiment is not None and words in experiment.name.lower())
