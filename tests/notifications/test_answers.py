"""What a status, a header and a body mean, whoever sent them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from core import clock
from notifications.answers import LONGEST_WAIT, object_of, raise_for, retry_after, text_of
from notifications.channels.base import SendFailed
from notifications.outgoing import Answer

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def answer(
    status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"", secret: str = ""
) -> Answer:
    return Answer(status, headers or {}, body, (secret,) if secret else ())


@pytest.mark.parametrize(
    ("status", "permanent", "down"),
    [
        (301, True, True),
        (400, True, False),
        (401, True, True),
        (403, True, True),
        (404, True, False),
        (405, True, False),
        (408, False, False),
        (409, True, False),
        (413, True, False),
        (422, True, False),
        (425, False, False),
        (429, False, False),
        (500, False, True),
        (502, False, True),
        (503, False, True),
        (599, False, True),
    ],
)
def test_a_status_says_whether_to_come_again_and_whose_trouble_it_is(
    status: int, permanent: bool, down: bool
) -> None:
    with pytest.raises(SendFailed) as failed:
        raise_for(answer(status, body=b"no\0 way, key-123", secret="key-123"))
    assert (failed.value.permanent, failed.value.provider_down) == (permanent, down)
    assert failed.value.answer.startswith(f"Answered {status}")
    assert "key-123" not in failed.value.answer
    assert "\0" not in failed.value.answer


def test_what_the_caller_expects_is_no_failure() -> None:
    raise_for(answer(204))
    raise_for(answer(409), ok={200, 409})
    with pytest.raises(SendFailed):
        raise_for(answer(201), ok={200})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("77", 77),
        ("0", 0),
        ("1.5", 1.5),
        ("999999999", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 11:59:00 GMT", 0),
        ("Sun, 22 Nov 2026 12:01:00 -0000", 60),
        ("Sun, 22 Nov 2099 12:00:00 GMT", LONGEST_WAIT),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("nan", None),
        ("Sun, 99 Nov 2026 12:01:00 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date_but_never_for_ever(header: str, seconds: float | None) -> None:
    with clock.frozen_at(NOW):
        assert retry_after(answer(429, {"retry-after": header})) == seconds


def test_a_date_is_read_by_the_clock_of_who_wrote_it() -> None:
    headers = {"retry-after": "Sun, 22 Nov 2026 09:00:30 GMT", "date": "Sun, 22 Nov 2026 09:00:00 GMT"}
    with clock.frozen_at(NOW):
        assert retry_after(answer(503, headers)) == 30
        with pytest.raises(SendFailed) as failed:
            raise_for(answer(503, headers))
    assert failed.value.retry_after == 30


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"ok"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_tried_again(body: bytes) -> None:
    with pytest.raises(SendFailed) as failed:
        object_of(answer(body=body))
    assert not failed.value.permanent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\n lines", "two lines"),
        ("a\0b\ud800c", "ab?c"),
        ("it is key-123!", "it is •••!"),
        (17, "17"),
        ({"a": 1}, ""),
        (None, ""),
        ("x" * 900, "x" * 300),
    ],
)
def test_a_word_out_of_a_body_can_be_stored_and_shown(value: object, text: str) -> None:
    assert text_of(answer(secret="key-123"), value) == text
