"""Jira, as much of it as we speak to: version 3 of its REST API for Jira Cloud, version 2 for Jira Data Center.

Paths, parameters, fields, limits and answers are those of the published descriptions:
developer.atlassian.com/cloud/jira/platform/rest/v3 and docs.atlassian.com/software/jira/docs/api/REST
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.notifications.standin.adf_checks import check_document, text_of
from tests.notifications.standin.server import Received, Reply, require

EMAIL: Final = "usersplit@example.org"
TOKEN: Final = "a-token-nobody-must-see"
KINDS: Final = (
    {"id": "10001", "name": "Epic", "subtask": False},
    {"id": "10002", "name": "Task", "subtask": False},
    {"id": "10003", "name": "Sub-task", "subtask": True},
)
_KEY: Final = r"(?P<key>[A-Z][A-Z0-9_]*-\d+)"
_CATEGORIES: Final = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}


@dataclass
class Issue:
    """An issue of the stand-in. People are as Jira describes them."""

    key: str
    summary: str
    status: str = "To Do"
    kind: str = "10002"
    description: Any = None
    parent: str = ""
    reporter: dict[str, Any] | None = None
    watchers: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Which parameters a request may have, and the answer to it."""

    method: str
    path: re.Pattern[str]
    params: frozenset[str]
    answer: Callable[[Received, Mapping[str, str]], Reply]


class Jira:
    """A Jira with project PAY and one issue. `lacking` are permissions that the account does not have."""

    def __init__(self, *, is_cloud: bool) -> None:
        self.is_cloud = is_cloud
        self.issues = {"PAY-17": Issue("PAY-17", "Green button")}
        self.lacking: set[str] = set()
        self.token = TOKEN
        self.deployment = "Cloud" if is_cloud else "Server"
        self.routes = self._routes()

    def answer(self, request: Received) -> Reply:
        """What Jira answers. Raises Complaint for what its description does not know."""
        prefix = f"/rest/api/{3 if self.is_cloud else 2}/"
        require(request.path.startswith(prefix), f"this Jira is at {prefix}")
        require("application/json" in request.headers.get("accept", ""), "accepts no JSON")
        path = request.path.removeprefix(prefix)
        for route in self.routes:
            found = route.path.fullmatch(path)
            if found is not None and route.method == request.method:
                require(set(request.query) <= route.params, f"parameters {sorted(request.query)}")
                if not self._knows(request) and path != "serverInfo":
                    return self.refusal(401)
                key = found.groupdict().get("key")
                if key is not None and key not in self.issues:
                    return self.refusal(404)
                return route.answer(request, found.groupdict())
        require(False, "no such resource")
        raise AssertionError

    def refusal(self, status: int) -> Reply:
        """Jira's collection of errors."""
        return Reply(status, {"errorMessages": [f"Refused with {status}."], "errors": {}})

    @property
    def seen(self) -> list[str]:
        """What people read: the comments of all issues."""
        return [text for key in self.issues for text in self.comments(key)]

    def tasks(self) -> list[Issue]:
        """The issues that were made through the API."""
        return [issue for issue in self.issues.values() if issue.description is not None]

    def comments(self, key: str = "PAY-17") -> list[str]:
        """The texts of an issue's comments, the oldest first; of documents all text and where links lead."""
        return [self.text(comment["body"]) for comment in self.issues[key].comments]

    def text(self, body: Any) -> str:
        return text_of(body) if self.is_cloud else str(body or "")

    def _knows(self, request: Received) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        require(scheme == ("Basic" if self.is_cloud else "Bearer"), f"authorization by {scheme or 'nothing'}")
        login = base64.b64encode(f"{EMAIL}:{self.token}".encode()).decode()
        return given == (login if self.is_cloud else self.token)

    def _routes(self) -> list[Route]:
        cloud = self.is_cloud
        permissions = {"projectKey", "projectId", "issueKey", "issueId", *(["permissions"] if cloud else [])}
        table: list[tuple[str, str, set[str], Callable[[Received, Mapping[str, str]], Reply]]] = [
            ("GET", "serverInfo", set(), self._server_info),
            (
                "GET",
                "myself",
                {"expand"},
                lambda *_: Reply(200, {"displayName": "User Split", "active": True}),
            ),
            ("GET", "mypermissions", permissions, self._permissions),
            ("GET", f"issue/{_KEY}", {"fields", "expand", "properties", "updateHistory"}, self._issue),
            ("GET", f"issue/{_KEY}/watchers", set(), self._watchers),
            ("GET", f"issue/{_KEY}/comment", {"startAt", "maxResults", "orderBy", "expand"}, self._comments),
            ("POST", f"issue/{_KEY}/comment", {"expand"}, self._add_comment),
            ("POST", f"issue/{_KEY}/remotelink", set(), self._put_link),
            ("DELETE", f"issue/{_KEY}/remotelink", {"globalId"}, self._remove_link),
            (
                "GET",
                r"issue/createmeta/(?P<project>[A-Z]+)/issuetypes",
                {"startAt", "maxResults"},
                self._kinds,
            ),
            ("POST", "issue", {"updateHistory"}, self._create),
            # Jira Cloud has ended the older search in 2025.
            ("POST", "search/jql" if cloud else "search", set(), self._search),
        ]
        return [
            Route(method, re.compile(path), frozenset(params), answer)
            for method, path, params, answer in table
        ]

    def _server_info(self, request: Received, found: Mapping[str, str]) -> Reply:
        return Reply(200, {"version": "10.3.1", "deploymentType": self.deployment, "serverTitle": "Jira"})

    def _permissions(self, request: Received, found: Mapping[str, str]) -> Reply:
        asked = request.query.get("permissions", "").split(",")
        require(not self.is_cloud or all(asked), "permissions is required")
        if request.query.get("projectKey", "PAY") != "PAY":
            return self.refusal(404)
        known = ["BROWSE_PROJECTS", "ADD_COMMENTS", "LINK_ISSUES", "CREATE_ISSUES"]
        require(not self.is_cloud or set(asked) <= set(known), f"permissions {asked}")
        rows = {name: {"key": name, "havePermission": name not in self.lacking} for name in known}
        return Reply(200, {"permissions": rows})

    def _issue(self, request: Received, found: Mapping[str, str]) -> Reply:
        issue = self.issues[found["key"]]
        status = {"name": issue.status, "statusCategory": {"key": _CATEGORIES[issue.status]}}
        kind = next(kind for kind in KINDS if kind["id"] == issue.kind)
        project = {"key": issue.key.split("-")[0]}
        fields = {
            "summary": issue.summary,
            "status": status,
            "issuetype": kind,
            "project": project,
            "reporter": issue.reporter,
        }
        asked = set(request.query.get("fields", "").split(","))
        require(asked <= fields.keys(), f"fields {asked}")
        return Reply(200, {"id": "1", "key": issue.key, "fields": {name: fields[name] for name in asked}})

    def _watchers(self, request: Received, found: Mapping[str, str]) -> Reply:
        people = self.issues[found["key"]].watchers
        return Reply(200, {"isWatching": False, "watchCount": len(people), "watchers": people})

    def _comments(self, request: Received, found: Mapping[str, str]) -> Reply:
        require(request.query.get("orderBy", "created").lstrip("-+") == "created", "orderBy")
        rows = list(self.issues[found["key"]].comments)
        if request.query.get("orderBy") == "-created":
            rows.reverse()
        most = int(request.query.get("maxResults", "50"))
        return Reply(200, {"startAt": 0, "maxResults": most, "total": len(rows), "comments": rows[:most]})

    def _add_comment(self, request: Received, found: Mapping[str, str]) -> Reply:
        given = request.json()
        require(
            set(given) <= {"body", "visibility", "properties"} and "body" in given, f"fields {set(given)}"
        )
        self._check_text(given["body"])
        comments = self.issues[found["key"]].comments
        comments.append({"id": str(20_000 + len(comments)), "body": given["body"]})
        return Reply(201, comments[-1])

    def _check_text(self, text: Any) -> None:
        if self.is_cloud:
            check_document(text)
        else:
            require(isinstance(text, str) and 0 < len(text) <= 32_767, "text is wiki markup of some length")

    def _put_link(self, request: Received, found: Mapping[str, str]) -> Reply:
        given = request.json()
        require(set(given) <= {"globalId", "application", "relationship", "object"}, f"fields {set(given)}")
        require(0 < len(given.get("globalId", "")) <= 255, "globalId has at most 255 characters")
        require(set(given.get("application", {})) <= {"type", "name"}, "application")
        thing = given.get("object", {})
        require({"url", "title"} <= set(thing) <= {"url", "title", "summary", "icon", "status"}, "object")
        require(all(len(thing[name]) <= 255 for name in ("title", "summary")), "title or summary too long")
        require(isinstance(thing.get("status", {}).get("resolved", False), bool), "status")
        links = self.issues[found["key"]].links
        is_new = given["globalId"] not in links
        links[given["globalId"]] = given
        return Reply(201 if is_new else 200, {"id": 10_000, "self": "https://jira.example.org/link/10000"})

    def _remove_link(self, request: Received, found: Mapping[str, str]) -> Reply:
        require(request.query.get("globalId"), "globalId is required")
        gone = self.issues[found["key"]].links.pop(request.query["globalId"], None)
        return Reply(204) if gone else self.refusal(404)

    def _kinds(self, request: Received, found: Mapping[str, str]) -> Reply:
        if found["project"] != "PAY":
            return self.refusal(404)
        rows = list(KINDS)
        return Reply(
            200, {"startAt": 0, "total": len(rows), "issueTypes" if self.is_cloud else "values": rows}
        )

    def _create(self, request: Received, found: Mapping[str, str]) -> Reply:
        given = request.json()
        require(set(given) <= {"fields", "update", "properties"}, f"{set(given)}")
        fields = given["fields"]
        known = {"project", "issuetype", "summary", "description", "parent", "labels"}
        require({"project", "issuetype", "summary"} <= set(fields) <= known, f"fields {set(fields)}")
        kind = next((kind for kind in KINDS if {"id": kind["id"]} == fields["issuetype"]), None)
        require(kind is not None, f"issuetype {fields['issuetype']}")
        assert kind is not None
        require(0 < len(fields["summary"]) <= 255 and "\n" not in fields["summary"], "summary")
        self._check_text(fields["description"])
        require(("parent" in fields) == kind["subtask"], "a sub-task has a parent, nothing else has")
        key = f"{fields['project']['key']}-{100 + len(self.issues)}"
        parent = fields.get("parent", {}).get("key", "")
        require(not parent or self.issues[parent].kind != "10003", "a sub-task of a sub-task")
        self.issues[key] = Issue(
            key, fields["summary"], kind=str(kind["id"]), description=fields["description"], parent=parent
        )
        return Reply(
            201, {"id": "30000", "key": key, "self": "https://jira.example.org/rest/api/issue/30000"}
        )

    def _search(self, request: Received, found: Mapping[str, str]) -> Reply:
        given = request.json()
        older = {"startAt", "validateQuery"}
        newer = {"nextPageToken", "fieldsByKeys", "properties", "reconcileIssues"}
        known = {"jql", "maxResults", "fields", "expand"} | (newer if self.is_cloud else older)
        require(set(given) <= known and isinstance(given.get("maxResults", 50), int), f"fields {set(given)}")
        asked = re.fullmatch(r'project = "(\w+)" AND description ~ "(\w+)"', given["jql"])
        require(asked is not None, f"jql {given['jql']}")
        assert asked is not None
        project, word = asked.groups()
        rows = [
            {"id": "1", "key": issue.key, "fields": {"description": issue.description}}
            for issue in self.issues.values()
            if issue.key.startswith(f"{project}-")
            and word in re.findall(r"\w+", self.text(issue.description))
        ]
        return Reply(200, {"issues": rows, **({"isLast": True} if self.is_cloud else {"total": len(rows)})})
