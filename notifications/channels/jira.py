"""Comments on issues, in Jira Cloud and Jira Data Center."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from notifications.answers import object_of, raise_for, text_of
from notifications.channels.base import Account, CheckReport, Message, Receipt, SendFailed
from notifications.channels.jira_api import JiraApi
from notifications.documents import document_of

PERMISSIONS: Final = {
    "BROWSE_PROJECTS": "Read issues",
    "ADD_COMMENTS": "Write comments",
    "LINK_ISSUES": "Link issues back to tests",
    "CREATE_ISSUES": "Make tasks",
}


class _Jira:
    """A Jira. Nothing in its API makes a repetition harmless, so a repeated comment is looked for first."""

    is_cloud: bool

    def __init__(self, account: Account) -> None:
        self.account = account
        self.api = JiraApi(account, is_cloud=self.is_cloud)

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        """Comment on the issue `recipient`. The token is in the address of the comment's link."""
        marker = f"n-{token.hex}"
        found = self.api.comment_with(recipient, marker) if repeated else None
        if found is not None:
            return Receipt("The comment was there already.", found)
        status, reference = self.api.add_comment(recipient, document_of(message, marker))
        return Receipt(f"Answered {status}.", reference)

    def check(self) -> CheckReport:
        """Whether the address is a Jira of this kind, lets us in, and what it lets us do. Writes nothing."""
        steps: list[tuple[str, bool, str]] = []
        found: dict[str, str] = {}
        asked: tuple[tuple[str, Callable[[], str]], ...] = (
            ("Reach Jira", self._reach),
            ("Sign in", lambda: self._sign_in(found)),
        )
        for name, ask in asked:
            try:
                steps.append((name, True, ask()))
            except SendFailed as failure:
                return CheckReport((*steps, (name, False, failure.answer)))
        try:
            steps += self._permissions()
        except SendFailed as failure:
            steps.append(("Ask for permissions", False, failure.answer))
        return CheckReport(tuple(steps), found)

    def _reach(self) -> str:
        answer = self.api.ask("GET", "serverInfo")
        # A Jira that shows nothing to strangers may hide this, too; the next step tells.
        if answer.status in {401, 403}:
            return ""
        raise_for(answer)
        info = object_of(answer)
        kind, version = text_of(answer, info.get("deploymentType")), text_of(answer, info.get("version"))
        if not version:
            raise SendFailed("Something answers at this address, but it is no Jira.")
        if kind and (kind == "Cloud") is not self.is_cloud:
            other = "Jira Cloud" if kind == "Cloud" else "Jira Data Center"
            raise SendFailed(f"This is a {other} (version {version}): choose that as provider.")
        return f"Jira {kind} {version}".replace("  ", " ")

    def _sign_in(self, found: dict[str, str]) -> str:
        answer = self.api.ask("GET", "myself")
        if answer.status == 401:
            what = "e-mail address and API token" if self.is_cloud else "personal access token"
            raise SendFailed(f"Answered 401: Jira does not know this {what}, or it has expired.")
        if answer.status == 403:
            raise SendFailed(
                "Answered 403: this account may not use the API, or Jira wants a captcha from it."
            )
        raise_for(answer)
        found["name"] = text_of(answer, object_of(answer).get("displayName"))
        return f"As {found['name']}."

    def _permissions(self) -> list[tuple[str, bool, str]]:
        """A step for each permission; in the project for tasks, if one is named, else in any."""
        project = str(self.account.options.get("project") or "")
        # Jira Cloud has to be told which; Jira Data Center answers all.
        params = {"permissions": ",".join(PERMISSIONS)} if self.is_cloud else {}
        params |= {"projectKey": project} if project else {}
        answer = self.api.ask("GET", "mypermissions", params=params)
        if answer.status == 404 and project:
            raise SendFailed(f"There is no project {project} that this account may see.")
        raise_for(answer)
        given = object_of(answer).get("permissions")
        where = f"in project {project}" if project else "in any project"
        steps = []
        for key, label in PERMISSIONS.items():
            one = given.get(key) if isinstance(given, dict) else None
            may = isinstance(one, dict) and one.get("havePermission") is True
            steps.append((label, may, "" if may else f"The account lacks the permission {key} {where}."))
        return steps


class JiraCloud(_Jira):
    """Jira Cloud: the account is an e-mail address, the secret an API token."""

    is_cloud = True


class JiraDataCenter(_Jira):
    """Jira Data Center: the secret is a personal access token."""

    is_cloud = False
