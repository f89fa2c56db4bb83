"""What nobody foresaw is answered like everything else: with a page or a problem document, the policy and the request's id."""

from __future__ import annotations

import io

import pytest
from django.test import Client, RequestFactory

from tests.conftest import People
from usersplit.failures import server_error


@pytest.mark.parametrize("path", ["/me/", "/login/", "/tests/"])
@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "utf-7"])
def test_a_form_in_another_encoding_is_refused(
    people: People, client: Client, path: str, charset: str
) -> None:
    client.force_login(people.viewer)
    guarded = Client(enforce_csrf_checks=True)
    guarded.cookies = client.cookies
    guarded.cookies["csrftoken"] = "x" * 32
    answer = guarded.post(
        path, data=b"name=x", content_type=f"application/x-www-form-urlencoded; charset={charset}"
    )
    assert answer.status_code == 400
    assert b"<h1" in answer.content
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-ID"]


class Gone(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the connection was closed")


def test_who_hangs_up_in_the_middle_of_a_form_leaves_no_second_error(rf: RequestFactory) -> None:
    request = rf.post("/me/", data=b"name=x", content_type="application/x-www-form-urlencoded")
    request.META["CONTENT_LENGTH"] = "100"
    request._stream = Gone()
    assert server_error(request).status_code == 500
    assert not request.POST
