"""Django: what views get, and the cookie that keeps a guest's split group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import Signer
from django.db import connections
from django.test import AsyncClient, Client, override_settings
from pytest_django import Settings

from accounts.models import User
from tests.event_loops import run_async
from tests.integrations.files import CONTROL, GREEN, a_client
from usersplit_sdk import RecordingHits
from usersplit_sdk.integrations.django import SplitMiddleware
from usersplit_sdk.integrations.django.conf import configuration
from usersplit_sdk.integrations.guests import SALT, Guest

pytestmark = pytest.mark.usefixtures("site")
COOKIE = "usersplit"


def signed(value: str) -> str:
    return Signer(salt=SALT).sign(value)


def test_a_guest_gets_a_cookie_and_keeps_the_variant(client: Client, site: RecordingHits) -> None:
    first = client.get("/button/")
    cookie = first.cookies[COOKIE]
    assert (cookie["samesite"], cookie["httponly"], cookie["max-age"], cookie["path"]) == (
        "Lax",
        True,
        31536000,
        "/",
    )
    assert not cookie["secure"]
    assert (first["Vary"], first["Cache-Control"]) == ("Cookie", "private")

    again = client.get("/button/")
    assert again.content == first.content
    assert COOKIE not in again.cookies
    assert again["Vary"] == "Cookie"
    assert len({(hit.split_group, hit.device_id) for hit in site.hits}) == 1
    assert site.hits[0].device_id is not None


def test_guests_are_drawn_apart(site: RecordingHits) -> None:
    for _ in range(30):
        Client().get("/button/")
    assert len({hit.split_group for hit in site.hits}) > 20
    assert len({hit.device_id for hit in site.hits}) == 30


def test_a_cache_gives_nobody_the_variant_or_the_number_of_somebody_else(settings: Settings) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "pages"}
    }
    # Without sessions, which make answers vary by cookies too.
    settings.USERSPLIT = {**settings.USERSPLIT, "USER": lambda request: None}
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        "usersplit_sdk.integrations.django.SplitMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    guests = [Client() for _ in range(30)]
    assert len({guest.get("/button/").cookies[COOKIE].value for guest in guests}) == 30
    for split_group, variant in ((CONTROL, b"control"), (GREEN, b"<green>")) * 2:
        guest = Client()
        guest.cookies[COOKIE] = signed(str(split_group))
        assert guest.get("/button/").content == variant
    cache.clear()


def test_a_page_without_tests_knows_of_no_cookie(client: Client) -> None:
    response = client.get("/plain/")
    assert not response.cookies
    assert "Vary" not in response.headers


def test_the_cookie_is_for_https_only_where_it_was_set_so(client: Client) -> None:
    assert client.get("/button/", secure=True).cookies[COOKIE]["secure"]


@pytest.mark.parametrize(
    "value",
    [
        "2000",
        "2000:",
        "2000:forged",
        Signer(salt="another").sign("2000"),
        lambda: signed("0"),
        lambda: signed("2401"),
        lambda: signed("-5"),
        lambda: signed("02000"),
        lambda: signed("²"),
        lambda: signed("2000.")[:-1],
        "x" * 100_000,
        "",
    ],
)
def test_a_cookie_that_is_not_ours_is_drawn_anew(client: Client, value: str | Callable[[], str]) -> None:
    client.cookies[COOKIE] = value if isinstance(value, str) else value()
    response = client.get("/button/")
    assert response.status_code == 200
    assert COOKIE in response.cookies


def test_a_cookie_of_ours_decides(client: Client) -> None:
    for split_group, variant in ((CONTROL, b"control"), (GREEN, b"<green>")):
        client.cookies[COOKIE] = configuration().cookie.value_of(Guest(split_group, None))
        response = client.get("/button/")
        assert response.content == variant
        assert COOKIE not in response.cookies


def test_a_cookie_of_another_subdomain_does_not_hide_ours() -> None:
    ours = configuration().cookie.value_of(Guest(GREEN, None))
    for cookies in (f"{COOKIE}={ours}; {COOKIE}=7:forged", f"{COOKIE}=7:forged; {COOKIE}={ours}"):
        response = Client().get("/button/", headers={"Cookie": cookies})
        assert response.content == b"<green>"
        assert COOKIE not in response.cookies


def test_an_old_cookie_is_sent_again_with_the_same_guest(client: Client) -> None:
    client.cookies[COOKIE] = signed(f"{GREEN}.device~1")
    response = client.get("/button/")
    assert response.content == b"<green>"
    assert (response.cookies[COOKIE]["max-age"], response["Cache-Control"]) == (31536000, "private")
    kept = configuration().cookie.read([response.cookies[COOKIE].value])
    assert (kept, kept is not None and kept.is_old) == (Guest(GREEN, "device"), False)
    assert COOKIE not in client.get("/button/").cookies


def test_cookies_survive_a_new_secret(client: Client, settings: Settings) -> None:
    client.cookies[COOKIE] = configuration().cookie.value_of(Guest(GREEN, None))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert COOKIE not in client.get("/button/").cookies

    settings.SECRET_KEY_FALLBACKS = []
    replaced = client.get("/button/").cookies[COOKIE].value
    assert Signer(salt=SALT).unsign(replaced)


@pytest.mark.django_db
def test_a_guest_sees_the_same_variant_whoever_logged_in_last(client: Client, site: RecordingHits) -> None:
    client.cookies[COOKIE] = signed(str(GREEN))
    assert client.get("/button/").content == b"<green>"

    person = User.objects.create(username="mia", first_name=str(CONTROL))
    client.force_login(person)
    assert client.get("/button/").content == b"control"
    del client.cookies["sessionid"]
    assert client.get("/button/").content == b"<green>"
    assert [hit.user_id for hit in site.hits] == [None, str(person.pk), None]


@pytest.mark.django_db
def test_users_are_given_no_cookie(client: Client) -> None:
    client.force_login(User.objects.create(username="mia", first_name=str(GREEN)))
    response = client.get("/button/")
    assert response.content == b"<green>"
    assert COOKIE not in response.cookies
    assert "Cookie" in response["Vary"]


def test_everything_that_a_split_can_be_asked(client: Client, site: RecordingHits) -> None:
    client.cookies[COOKIE] = signed(str(GREEN))
    headers = {"accept-language": "fr;q=0.5, de-AT", "user-agent": "Mozilla/5.0 (iPhone) Mobile"}
    assert client.get("/everything/", headers=headers).json() == {
        "variant": "<green>",
        "payload": {"color": "#0a0"},
        "text": "Get <it>",
        "is_in_group": True,
        "active": {"green_button": "<green>"},
        "reason": "SPLIT",
        "user": None,
        "attributes": {
            "user_agent": "Mozilla/5.0 (iPhone) Mobile",
            "platform": "mobile_web",
            "client_language": "de",
        },
    }
    assert [hit.variant for hit in site.hits] == ["<green>"]


def test_a_number_that_cannot_be_kept_is_not_drawn(client: Client) -> None:
    """The body of a stream is made when the headers are gone."""
    response: Any = client.get("/stream/")
    assert b"".join(response.streaming_content) == b"None"
    client.cookies[COOKIE] = signed(str(GREEN))
    response = client.get("/stream/")
    assert b"".join(response.streaming_content) == b"<green>"


def test_an_application_that_fails_to_tell_its_user_still_answers(
    client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: object) -> None:
        raise LookupError("the user service is down")

    settings.USERSPLIT = {**settings.USERSPLIT, "USER": broken}
    response = client.get("/button/")
    assert (response.status_code, response.content) == (200, b"None")
    assert COOKIE not in response.cookies
    assert "the user service is down" in caplog.text


@pytest.mark.parametrize("address", ["/abutton/", "/button/"])
def test_guests_of_an_event_loop(address: str) -> None:
    async def ask_twice() -> None:
        client = AsyncClient()
        first = await client.get(address)
        assert COOKIE in first.cookies
        again = await client.get(address)
        assert again.content == first.content
        assert COOKIE not in again.cookies

    run_async(ask_twice())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["/abutton/", "/button/"])
def test_users_of_an_event_loop(address: str) -> None:
    person = User.objects.create(username="mia", first_name=str(GREEN))

    async def ask() -> bytes:
        client = AsyncClient()
        await client.aforce_login(person)
        answer = bytes((await client.get(address)).content)
        # The thread that reads the database for the loop has a connection of its own.
        await sync_to_async(connections.close_all)()
        return answer

    assert run_async(ask()) == b"<green>"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (None, "needs a client"),
        ({}, "needs a client"),
        ({"CLIENT": "nowhere.client"}, "nowhere.client"),
        ({"CLIENT": dict}, "dict is no usersplit_sdk.Client"),
        ({"CLIENT": lambda: a_client()[0], "COKIE_NAME": "x"}, "COKIE_NAME"),
    ],
)
def test_a_wrong_setting_is_told_at_start(setting: object, words: str) -> None:
    with override_settings(USERSPLIT=setting), pytest.raises(ImproperlyConfigured, match=words):
        SplitMiddleware(lambda request: request)


def test_a_client_may_be_made_by_a_function() -> None:
    with override_settings(USERSPLIT={"CLIENT": lambda: a_client()[0]}):
        assert configuration().client is configuration().client
