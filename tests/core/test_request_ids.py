"""Every answer and every line that was logged about it carries the id of the request."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from core.request_ids import RequestIdFilter, current_request_id
from tests.api import problem
from tests.conftest import People


@pytest.mark.parametrize(
    "address", ["/healthz", "/login/", "/api/v1/schema/", "/api/v1/nowhere/", "/nowhere/"]
)
def test_every_answer_has_one(db: None, client: Client, address: str) -> None:
    name = client.get(address).headers["X-Request-ID"]
    assert len(name) == 32
    assert client.get(address).headers["X-Request-ID"] != name


@pytest.mark.parametrize(
    "given", ["a", "0f8fad5b-d9cb-469f-a165-70867728950e", "Root=1-67891233-abcdef", "x" * 128]
)
def test_a_well_formed_one_is_taken_over(client: Client, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", 'quo"te', "<b>", "ü", "a\tb", "new\nline"])
def test_any_other_is_replaced(client: Client, given: str) -> None:
    name = client.get("/healthz", HTTP_X_REQUEST_ID=given).headers["X-Request-ID"]
    assert name != given
    assert len(name) == 32


def test_problem_documents_say_it(db: None, client: Client, bearer: dict[str, str]) -> None:
    headers = {"X-Request-ID": "one-that-fails"}
    for answer, status in (
        (client.get("/api/v1/nowhere/", headers=headers), 404),
        (client.get("/api/v1/tests/", headers=headers), 401),
        (client.get("/api/v1/tests/?page_size=x", headers=bearer | headers), 400),
    ):
        assert problem(answer, status)["request_id"] == "one-that-fails"


def test_a_crash_is_found_in_the_log_by_it(
    people: People,
    bearer: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def crash(*args: object) -> None:
        logging.getLogger("experiments").warning("about to crash")
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("experiments.api.views.visible_experiments", crash)
    caplog.handler.addFilter(RequestIdFilter())
    client = Client(raise_request_exception=False)
    answer = client.get("/api/v1/tests/", headers=bearer | {"X-Request-ID": "the-crash"})
    assert problem(answer, 500)["request_id"] == "the-crash"
    logged = {record.name: record.request_id for record in caplog.records}  # type: ignore[attr-defined]  # of the filter
    # Django writes the second line when the middlewares have ended.
    assert logged == {"experiments": "the-crash", "django.request": "the-crash"}


def test_outside_of_a_request_there_is_none() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "x", None, None)
    assert RequestIdFilter().filter(record)
    assert record.request_id == "-"  # type: ignore[attr-defined]
    assert current_request_id() == ""
