"""Why a check answered as it did, in words: the test file's own, and the values that were given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from usersplit_sdk.cli_tree import shown
from usersplit_sdk.model import Decision, Environment, Reason, User
from usersplit_sdk.operators import OPERATORS

TEXT_TYPES = ("string", "version", "date")
DEPTH_LIMIT = 40

_SENTENCES = {
    Reason.UNKNOWN_TEST: "there is no such test; drafts are not delivered",
    Reason.INVALID_TEST_FILE: "its file cannot be used",
    Reason.REJECTED: "finished without a winner: nobody gets a variant",
    Reason.TESTS_OFF: "all tests are off for this user or device",
    Reason.PAUSED: "paused: only forced users get a variant",
    Reason.NOT_A_TEST_USER: "in dev: only test users get a variant (--attribute is_test_user=true)",
    Reason.ADDITIONAL_CONDITIONS_NOT_MET: "the code's own conditions are not met",
}


def explanation(
    decision: Decision,
    document: Mapping[str, object],
    user: User | None,
    request: Environment,
    environment: str,
) -> str:
    """One sentence; ``document`` is the test's file, unchecked."""
    group = (request if user is None else user).split_group
    variant, reason = decision.variant, decision.reason
    if reason is Reason.CONDITIONS_NOT_MET:
        return _condition(decision.detail or "", document, user, request)
    if reason is Reason.FORCED:
        return f"forced into {variant} in {environment}"
    if reason is Reason.WINNER:
        outcome = document.get("outcome")
        everywhere = isinstance(outcome, dict) and outcome.get("scope") == "everywhere"
        whom = "everyone" if everywhere else "whoever meets the conditions"
        return f"finished: {variant} won, for {whom}"
    if reason is Reason.OUTSIDE_DATES:
        first, last = (document.get(name) or "…" for name in ("starts_at", "ends_at"))
        return f"it runs from {first} to {last}"
    if reason is Reason.NOT_SUPPORTED_BY_CLIENT:
        key = document.get("key")
        return f"a {document.get('side')} test, which the app must say that it supports (--supports {key})"
    if reason is Reason.NO_SPLIT_GROUP:
        return "without a split group nobody gets a variant (--split-group)"
    if reason is Reason.SPLIT_GROUP_NOT_IN_TEST:
        return f"split group {group} belongs to no variant"
    if reason is Reason.SPLIT:
        return f"split group {group} belongs to {variant}"
    return _SENTENCES.get(reason, str(reason))


def predicates(tree: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
    """All predicates of a tree that nobody has checked."""
    for item in tree if isinstance(tree, list) and depth <= DEPTH_LIMIT else ():
        if isinstance(item, dict):
            yield item
        else:
            yield from predicates(item, depth + 1)


def _condition(path: str, document: Mapping[str, object], user: User | None, request: Environment) -> str:
    # The client has checked the file, not this copy of it, which may be a newer one.
    item: object = document.get("conditions")
    for index in re.findall(r"\[(\d{1,9})\]", path):
        if not isinstance(item, list) or int(index) >= len(item):
            return "the conditions are not met"
        item = item[int(index)]
    if not isinstance(item, dict):
        return "the conditions are not met"
    name, source = str(item.get("filter")), item.get("source")
    operator = OPERATORS.get(str(item.get("operator")))
    wanted = f"{name} {'…' if operator is None else operator.label}" + (
        f" {shown(item['value'])}" if item.get("value") is not None else ""
    )
    if source == "user" and user is None:
        return f"{wanted}: a guest has no profile"
    attributes = user.attributes if source == "user" and user is not None else request.attributes
    what = "user" if source == "user" else "request"
    value = attributes.get(name)
    if value is None:
        flag = "--attribute" if source == "user" else "--request"
        return f"{wanted}: the {what} has no {name} ({flag} {name}=…)"
    return f"{wanted}: the {what}'s is {shown(value)}"
