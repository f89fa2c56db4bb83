"""What Jira says, on a test's page and under the field where its issue is typed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import signed_in_actor
from core.errors import NotAllowed
from core.http import HtmxRequest
from experiments.selectors import experiment_for, standing_of
from notifications.issue_check import check_issue
from notifications.issues import ask_again, is_reachable, may_ask_again
from notifications.models import JiraIssue
from notifications.planning import jira_connection


@require_safe
def jira_check(request: HtmxRequest) -> HttpResponse:
    """Whether there is an issue `?key=`, and which of its people may manage the test. For those who may type it."""
    actor = signed_in_actor(request)
    if actor.user is None or not actor.user.may_manage:
        raise NotAllowed(gettext("Only managers and superusers look up issues."))
    # The form's field is called as the property is.
    key = (request.GET.get("key") or request.GET.get("jira_issue") or "").strip()[:64]
    found, ticked = check_issue(key), set(request.GET.getlist("managers"))
    people = [person for person in (found.people if found else ()) if person.username not in ticked]
    template = "notifications/jira/check.html" if request.htmx else "notifications/jira/check_page.html"
    return render(request, template, {"found": found, "people": people, "key": key})


@require_safe
def jira_card(request: HtmxRequest, kind: str, key: str) -> HttpResponse:
    """The test's issue and the task to cut it out of the code, as Jira said last. Nobody waits for Jira here."""
    actor = signed_in_actor(request)
    experiment = experiment_for(actor, kind, key)
    connection = jira_connection()
    rows = JiraIssue.objects.filter(experiment=experiment).order_by("-role")
    context = {
        "experiment": experiment,
        "kind": kind,
        "rows": [row for row in rows if row.role == JiraIssue.Role.CUT or row.key == experiment.jira_issue],
        "connection": connection,
        "is_down": connection is not None and not is_reachable(connection),
        "may_connect": actor.is_superuser,
        "may_ask": may_ask_again(standing_of(actor, experiment)),
    }
    template = "notifications/jira/card.html" if request.htmx else "notifications/jira/page.html"
    return render(request, template, context)


@require_POST
def jira_ask(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Have Jira asked again at the next look, which is within a minute."""
    actor = signed_in_actor(request)
    experiment = experiment_for(actor, kind, key)
    ask_again(actor, experiment)
    messages.success(request, gettext("Jira is asked again within a minute."))
    return redirect("experiments:experiment_page", kind=kind, key=key)
