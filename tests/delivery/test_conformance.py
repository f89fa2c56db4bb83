"""The conformance vectors, the server's way: rows → test file → manifest → engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils.dateparse import parse_datetime

from core import clock
from delivery.evaluation import delivered_now
from delivery.formats import path_of
from delivery.services import publish
from tests.delivery.rows import insert_document, insert_tests_off, representable
from usersplit_sdk import Environment, User

FOLDER = Path(settings.BASE_DIR) / "sdk" / "conformance"
# The files that nothing is wrong with; rows for the others cannot exist.
VECTORS = sorted(path for path in FOLDER.glob("*.json") if path.stem != "invalid")


def subject(case: Mapping[str, Any]) -> tuple[User | None, Environment | None]:
    user, request = case["user"], case["request"]
    return user and User(**user), request and Environment(**request)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_server_answers_as_every_client_must(db: None, path: Path) -> None:
    vectors = json.loads(path.read_text())
    now = parse_datetime(vectors["now"])
    assert now is not None
    for document in [*vectors["tests"], *vectors["groups"]]:
        insert_document(document)
    insert_tests_off(vectors["tests_off"])

    with clock.frozen_at(now):
        refused = publish().refused
        delivered = delivered_now()
    wanted = {path_of(each["kind"], each["key"]) for each in [*vectors["tests"], *vectors["groups"]]}
    found = {
        path_of(each["kind"], each["key"]) for each in [*delivered.tests.values(), *delivered.groups.values()]
    }
    assert found == wanted - refused.keys()
    client = delivered.client(vectors["environment"])
    for case in vectors["cases"]:
        user, request = subject(case)
        if "group" in case:
            assert client.is_in_group(case["group"], user, request, now=now) == case["expect"]["member"], case
        else:
            decision = client.explain(case["test"], user, request, now=now)
            answer = {"variant": decision.variant, "reason": str(decision.reason), "detail": decision.detail}
            assert answer == case["expect"], case


def test_rows_become_exactly_the_file_that_they_came_from(db: None) -> None:
    vectors = json.loads((FOLDER / "reasons.json").read_text())
    for document in vectors["tests"]:
        insert_document(document)
    with clock.frozen_at(parse_datetime(vectors["now"]) or clock.now()):
        delivered = delivered_now(up_to_date=True)
    for document in vectors["tests"]:
        assert delivered.tests[document["key"]] == representable(document)
