"""What Jira says of an issue while somebody types its key, and who of its people may manage the test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext

from accounts.models import Role, User
from core.errors import InvalidInput
from experiments.models import Kind
from experiments.services.property_rules import clean_properties
from notifications.breaker import note_failure
from notifications.channels.base import SendFailed
from notifications.channels.jira_api import Issue, IssuePerson
from notifications.issues import api_of, is_reachable
from notifications.models import Connection
from notifications.planning import jira_connection

SECONDS: Final = 4.0
"""How long somebody waits for one answer of Jira."""


@dataclass(frozen=True, slots=True)
class IssueCheck:
    """`issue` is None when Jira has none. `problem`: why nobody knows."""

    key: str
    issue: Issue | None = None
    people: tuple[User, ...] = ()
    problem: str = ""


def check_issue(key: str) -> IssueCheck | None:
    """What there is to say of what was typed; None where nothing is, or where there is no Jira."""
    connection = jira_connection()
    if connection is None or not key:
        return None
    try:
        clean_properties(Kind.TEST, {"jira_issue": key})
    except InvalidInput as refusal:
        return IssueCheck(key, problem=refusal.errors[0].message)
    if not is_reachable(connection):
        return IssueCheck(
            key, problem=gettext("Jira does not answer at the moment. You can save all the same.")
        )
    try:
        issue, people = _ask(connection, key)
    except SendFailed as failure:
        if failure.provider_down:
            # Else everybody who types would hold a page's process for as long as a dead Jira is waited for.
            note_failure(connection.pk, failure.answer)
        words = gettext("Jira could not be asked: %(answer)s You can save all the same.")
        return IssueCheck(key, problem=words % {"answer": failure.answer})
    return IssueCheck(key, issue, tuple(matching_people(people)))


def _ask(connection: Connection, key: str) -> tuple[Issue | None, list[IssuePerson]]:
    """The issue, with its reporter and watchers. Raises SendFailed."""
    api = api_of(connection, at_most=SECONDS)
    issue = api.issue(key)
    people = [] if issue is None else [issue.reporter, *api.watchers(key)]
    return issue, [person for person in people if person is not None]


def matching_people(given: Iterable[IssuePerson]) -> list[User]:
    """Those of Jira's people who may manage tests here, in Jira's order, each once.

    By e-mail address, else by user name (Jira Data Center), else by full name where only one person has it: Jira Cloud
    tells no addresses of people who hide them. Two people of one address or name are nobody.
    """
    people = list(User.objects.filter(role__in=[Role.SUPERUSER, Role.MANAGER], is_active=True).order_by("pk"))
    by_email = _by({person: person.email for person in people})
    by_username = _by({person: person.username for person in people})
    by_name = _by({person: person.get_full_name() for person in people})
    found: dict[int, User] = {}
    for one in given:
        person = by_email.get(one.email.casefold()) or by_username.get(one.username.casefold())
        if person is None and not one.email and not one.username:
            person = by_name.get(one.name.casefold())
        if person is not None:
            found.setdefault(person.pk, person)
    return list(found.values())


def _by(values: Mapping[User, str]) -> dict[str, User]:
    folded = {person: value.casefold() for person, value in values.items() if value}
    taken = list(folded.values())
    return {value: person for person, value in folded.items() if taken.count(value) == 1}
