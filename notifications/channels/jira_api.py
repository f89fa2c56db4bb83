"""Jira's REST API, as much of it as we need: version 2 of Jira Data Center, version 3 of Jira Cloud.

Sources: docs.atlassian.com/software/jira/docs/api/REST (Data Center), developer.atlassian.com/cloud/jira/platform/rest/v3
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from notifications.adf import as_adf, plain_text
from notifications.answers import object_of, raise_for, text_of
from notifications.channels.base import Account, SendFailed
from notifications.documents import Block
from notifications.outgoing import Answer, call
from notifications.wiki_markup import as_wiki

COMMENTS: Final = 100
"""So many of the newest comments are looked through for ours."""
PEOPLE: Final = 50
MAX_SUMMARY: Final = 255
_ISSUE_FIELDS: Final = "summary,status,issuetype,project,reporter"


@dataclass(frozen=True, slots=True)
class Issue:
    """What Jira says of an issue. `is_done`: its status is of the category that Jira itself calls done."""

    key: str
    title: str
    status: str
    is_done: bool
    url: str
    project: str
    is_subtask: bool
    reporter: IssuePerson | None


@dataclass(frozen=True, slots=True)
class IssuePerson:
    """Somebody at an issue. Jira Cloud has no user names, and gives an e-mail address only of who shows theirs."""

    name: str
    email: str
    username: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link from an issue to us; the same `global_id` again changes it."""

    global_id: str
    url: str
    title: str
    summary: str
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be made in a project. Where `kind` is a kind of sub-task, it becomes one of the issue `parent`."""

    project: str
    summary: str
    description: Sequence[Block]
    kind: str = "Task"
    parent: str = ""


class JiraApi:
    """One account at one Jira. Every method raises SendFailed as notifications.answers says."""

    def __init__(self, account: Account, *, is_cloud: bool, at_most: float | None = None) -> None:
        """`at_most`: seconds that one request may take, where somebody is waiting."""
        self.is_cloud = is_cloud
        self._at_most = at_most
        self.site = account.url.rstrip("/")
        self._base = f"{self.site}/rest/api/{3 if is_cloud else 2}"
        login = f"{account.account}:{account.secret}".encode()
        encoded = base64.b64encode(login).decode()
        self._authorization = f"Basic {encoded}" if is_cloud else f"Bearer {account.secret}"
        self._secrets = (account.secret, encoded)

    def ask(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, whatever it is answered."""
        headers, url = {"Authorization": self._authorization}, f"{self._base}/{path}"
        return call(
            method,
            url,
            headers=headers,
            body=body,
            params=params,
            secrets=self._secrets,
            at_most=self._at_most,
        )

    def _object(self, answer: Answer) -> dict[str, Any]:
        raise_for(answer)
        return object_of(answer)

    def issue(self, key: str) -> Issue | None:
        """The issue; None when there is none that this account may see."""
        answer = self.ask("GET", f"issue/{_part(key)}", params={"fields": _ISSUE_FIELDS})
        if answer.status == 404:
            return None
        found = self._object(answer)
        fields = _dict(found, "fields")
        status = _dict(fields, "status")
        # An issue that was moved answers to its old key, and says the new one.
        name = text_of(answer, found.get("key"), 64) or key
        return Issue(
            key=name,
            title=text_of(answer, fields.get("summary"), MAX_SUMMARY),
            status=text_of(answer, status.get("name"), 100),
            is_done=_dict(status, "statusCategory").get("key") == "done",
            url=self.page_of(name),
            project=text_of(answer, _dict(fields, "project").get("key"), 64),
            is_subtask=_dict(fields, "issuetype").get("subtask") is True,
            reporter=_person(answer, fields.get("reporter")),
        )

    def page_of(self, key: str) -> str:
        """The issue's address for people."""
        return f"{self.site}/browse/{_part(key)}"

    def watchers(self, key: str) -> list[IssuePerson]:
        """Who watches the issue; nobody where this account may not know."""
        answer = self.ask("GET", f"issue/{_part(key)}/watchers")
        if answer.status in {403, 404}:
            return []
        found = _list(self._object(answer), "watchers")[:PEOPLE]
        return [person for one in found if (person := _person(answer, one)) is not None]

    def comment_with(self, key: str, marker: str) -> str | None:
        """The id of a comment that holds the marker, among the newest."""
        params = {"orderBy": "-created", "maxResults": str(COMMENTS)}
        answer = self.ask("GET", f"issue/{_part(key)}/comment", params=params)
        for comment in _list(self._object(answer), "comments"):
            if marker in self._plain(_dict({"comment": comment}, "comment").get("body")):
                return text_of(answer, comment.get("id"), 64)
        return None

    def add_comment(self, key: str, blocks: Sequence[Block]) -> tuple[int, str]:
        """Write a comment; Jira's status and the comment's id."""
        body = {"body": self._formatted(blocks)}
        answer = self.ask("POST", f"issue/{_part(key)}/comment", body=body)
        return answer.status, text_of(answer, self._object(answer).get("id"), 64)

    def put_link(self, key: str, link: Link) -> None:
        """Show the link at the issue, or change the one with its `global_id`."""
        body = {
            "globalId": link.global_id,
            "application": {"type": "org.usersplit", "name": "UserSplit"},
            "relationship": "split test",
            "object": {
                "url": link.url,
                "title": link.title[:MAX_SUMMARY],
                "summary": link.summary[:MAX_SUMMARY],
                "status": {"resolved": link.is_resolved},
            },
        }
        raise_for(self.ask("POST", f"issue/{_part(key)}/remotelink", body=body))

    def remove_link(self, key: str, global_id: str) -> None:
        """Take the link away; nothing when it, or the issue, is not there."""
        answer = self.ask("DELETE", f"issue/{_part(key)}/remotelink", params={"globalId": global_id})
        if answer.status != 404:
            raise_for(answer)

    def task_with(self, project: str, marker: str) -> str | None:
        """The key of the project's issue whose description holds the marker, which is one word."""
        jql = f'project = "{_quoted(project)}" AND description ~ "{_quoted(marker)}"'
        body = {"jql": jql, "fields": ["description"], "maxResults": 10}
        answer = self.ask("POST", "search/jql" if self.is_cloud else "search", body=body)
        for one in _list(self._object(answer), "issues"):
            found = _dict({"issue": one}, "issue")
            if marker in self._plain(_dict(found, "fields").get("description")):
                return text_of(answer, found.get("key"), 64) or None
        return None

    def create_task(self, task: NewTask) -> str:
        """Make the task; its key."""
        kind_id, is_subtask = self._kind(task)
        fields: dict[str, Any] = {
            "project": {"key": task.project},
            "issuetype": {"id": kind_id},
            "summary": " ".join(task.summary.split())[:MAX_SUMMARY],
            "description": self._formatted(task.description),
        }
        if is_subtask:
            fields["parent"] = {"key": task.parent}
        answer = self.ask("POST", "issue", body={"fields": fields})
        key = text_of(answer, self._object(answer).get("key"), 64)
        if not key:
            raise SendFailed("Jira took the task, but did not say its key.")
        return key

    def _kind(self, task: NewTask) -> tuple[str, bool]:
        """The id of the kind of issue to make, and whether it is a kind of sub-task."""
        answer = self.ask("GET", f"issue/createmeta/{_part(task.project)}/issuetypes")
        given = _list(self._object(answer), "issueTypes" if self.is_cloud else "values")
        kinds = [kind for kind in given if isinstance(kind, dict)]
        names = {text_of(answer, kind.get("name"), 64): kind for kind in kinds}
        for name, kind in names.items():
            is_subtask = kind.get("subtask") is True
            if name.casefold() == task.kind.casefold() and (task.parent or not is_subtask):
                return text_of(answer, kind.get("id"), 64), is_subtask
        there = ", ".join(sorted(filter(None, names))) or "none"
        where = "" if task.parent else " (sub-tasks need an issue that is none itself)"
        raise SendFailed(
            f"This account may not make a “{task.kind}” in project {task.project}{where}; it may make: {there}.",
            permanent=True,
        )

    def _formatted(self, blocks: Sequence[Block]) -> Any:
        return as_adf(blocks) if self.is_cloud else as_wiki(blocks)

    def _plain(self, body: object) -> str:
        return body if isinstance(body, str) else plain_text(body)


@contextlib.contextmanager
def let_in(what: str) -> Iterator[None]:
    """Jira has just let us in: what it refuses now is this deed alone, and the connection need not rest."""
    try:
        yield
    except SendFailed as failure:
        if not failure.permanent:
            raise
        raise SendFailed(f"{what}. {failure.answer}", permanent=True) from failure


def _person(answer: Answer, given: object) -> IssuePerson | None:
    if not isinstance(given, dict) or given.get("active") is False:
        return None
    name, email, username = (
        text_of(answer, given.get(field), 254) for field in ("displayName", "emailAddress", "name")
    )
    return IssuePerson(name, email, username)


def _part(text: str) -> str:
    """A part of an address that stays one part, whatever was typed."""
    return quote(text, safe="")


def _quoted(text: str) -> str:
    return text.replace("\\", "").replace('"', "")


def _dict(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _list(found: Mapping[str, Any], name: str) -> list[Any]:
    value = found.get(name)
    return value if isinstance(value, list) else []
