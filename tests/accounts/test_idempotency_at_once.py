"""The same Idempotency-Key at the same moment, and over the death of the process that answers it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from accounts import idempotency
from accounts.actors import Actor
from accounts.idempotency import Answer, StillAnswering, answer_once
from accounts.models import KeptAnswer
from accounts.services import create_token
from changelog.models import Entry
from experiments.models import Experiment, SettingsGroup
from tests.api import Api
from tests.factories import TWO_VARIANTS, make_draft
from tests.workers import ROOT, process_environment

CALLERS = 12
NEW = {"key": "button", "name": "Button"}


def test_of_many_at_once_one_does_it_and_all_hear_the_same(
    transactional_db: None, manager: Actor, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_draft(manager, "button")
    sent: list[str] = []
    monkeypatch.setattr("core.tasks.current_app.send_task", lambda name, **_: sent.append(name))
    _, token = create_token(manager, "sender", ["manage"])
    ready = Barrier(CALLERS)

    def post(_: int) -> tuple[int, str | None, bytes]:
        sender = http.client.HTTPConnection(urlsplit(live_server.url).netloc, timeout=60)
        sender.connect()
        ready.wait(30)
        sender.request(
            "POST",
            "/api/v1/tests/button/settings-groups/",
            json.dumps({"variants": TWO_VARIANTS}),
            {"Authorization": f"Bearer {token}", "Idempotency-Key": "k", "Content-Type": "application/json"},
        )
        answer = sender.getresponse()
        found = answer.status, answer.headers["Idempotency-Replayed"], answer.read()
        sender.close()
        return found

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(post, range(CALLERS)))
    assert {(status, body) for status, _, body in answers} == {(202, answers[0][2])}
    assert sorted(str(replayed) for _, replayed, _ in answers) == ["None"] + ["true"] * (CALLERS - 1)
    assert SettingsGroup.objects.count() == 1
    # What is to happen after the commit happens once too.
    assert sent.count("experiments.tasks.prepare") == 1


@pytest.mark.parametrize(("moment", "made_by_the_dead"), [("before", 0), ("after", 1)])
def test_a_process_that_dies_leaves_all_or_nothing(
    transactional_db: None, manager: Actor, moment: str, made_by_the_dead: int
) -> None:
    _, token = create_token(manager, "sender", ["manage", "read"])
    command = [sys.executable, "-m", "tests.accounts.dying_request", moment, token, "k"]
    died = subprocess.run(command, cwd=ROOT, env=process_environment(), timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL
    assert Experiment.objects.count() == KeptAnswer.objects.count() == made_by_the_dead
    again = Api(token).post("/tests/", NEW, headers={"Idempotency-Key": "k"})
    assert again.status_code == 201
    assert again.headers.get("Idempotency-Replayed") == ("true" if made_by_the_dead else None)
    assert Entry.objects.filter(subject_kind="test", verb="create").count() == 1


def test_a_second_request_does_not_wait_for_ever(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 1)
    is_in, may_go = Event(), Event()

    def slow() -> Answer:
        is_in.set()
        assert may_go.wait(60)
        return Answer(200, "{}", "")

    def first() -> tuple[Answer | None, bool]:
        try:
            return answer_once("token:1", "k", "d", slow)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(first)
        assert is_in.wait(60)
        with pytest.raises(StillAnswering):
            answer_once("token:1", "k", "d", slow)
        may_go.set()
        assert waiting.result(60) == (Answer(200, "{}", ""), False)
    assert answer_once("token:1", "k", "d", slow) == (Answer(200, "{}", ""), True)
