"""What nobody foresaw is answered like everything else: with a page or a problem document, the policy and the request's id."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.conftest import People


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
