"""Pages in the reader's language and on the reader's clocks; what is stored, or read by programs, in English and UTC."""

from __future__ import annotations

import datetime as dt

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone, translation

from accounts.actors import Actor
from accounts.models import User
from changelog.models import Entry
from core import clock
from core.errors import Conflict
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from tests.conftest import People
from tests.factories import make_experiment
from tests.pseudo_language import OPENS

NOON = dt.datetime(2026, 11, 22, 12, 5, tzinfo=dt.UTC)


def written(value: dt.datetime | dt.date, how: str, language: str = "en", zone: str = "UTC") -> str:
    timezones = timezone.override(zone)
    with translation.override(language), timezones:
        text = Template("{% load console %}{{ value|" + how + " }}").render(Context({"value": value}))
    return text.replace('<time datetime="2026-11-22T12:05:00+00:00"', "<time")


def japanese(person: User, zone: str = "") -> Client:
    User.objects.filter(pk=person.pk).update(language="ja", time_zone=zone)
    browser = Client()
    browser.force_login(person)
    return browser


@pytest.mark.parametrize(
    ("language", "zone", "shown"),
    [
        ("en", "UTC", "<time>2026-11-22 12:05 UTC</time>"),
        ("en", "Europe/Berlin", '<time title="2026-11-22 12:05 UTC" data-zoned>2026-11-22 13:05 CET</time>'),
        (
            "en",
            "America/Sao_Paulo",
            '<time title="2026-11-22 12:05 UTC" data-zoned>2026-11-22 09:05 UTC-03</time>',
        ),
        ("ja", "Asia/Tokyo", '<time title="2026/11/22 12:05 UTC" data-zoned>2026/11/22 21:05 JST</time>'),
        (
            "ko",
            "Asia/Seoul",
            '<time title="2026. 11. 22. 12:05 UTC" data-zoned>2026. 11. 22. 21:05 KST</time>',
        ),
    ],
)
def test_a_moment_is_on_the_readers_clocks_with_utc_beside_it(language: str, zone: str, shown: str) -> None:
    assert written(NOON, "moment", language, zone) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC), "02:30 CEST"),
        (dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC), "02:30 CET"),
        (dt.datetime(2026, 3, 29, 0, 59, tzinfo=dt.UTC), "01:59 CET"),
        (dt.datetime(2026, 3, 29, 1, 0, tzinfo=dt.UTC), "03:00 CEST"),
    ],
)
def test_summer_time_is_told_from_winter_time(moment: dt.datetime, shown: str) -> None:
    assert shown in written(moment, "moment", zone="Europe/Berlin")


def test_a_day_is_the_readers_and_a_mere_date_nobodys() -> None:
    late = dt.datetime(2026, 11, 22, 20, 0, tzinfo=dt.UTC)
    assert ">2026/11/23</time>" in written(late, "day", "ja", "Asia/Tokyo")
    assert ">2026. 11. 22.</time>" in written(late.date(), "day", "ko", "Pacific/Kiritimati")
    assert written(late, 'date:"MONTH_DAY_FORMAT"', "ja") == "11月22日"
    assert written(late, 'date:"MONTH_DAY_FORMAT"') == "Nov 22"


@pytest.mark.parametrize("language", ["en", "ja", "ko"])
def test_numbers_are_grouped_in_every_language(language: str) -> None:
    with translation.override(language):
        page = Template("{% load humanize %}{{ n|intcomma }}").render(Context({"n": 2412310}))
    assert page == "2,412,310"


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_pages_are_in_the_language_of_the_person_or_else_of_the_browser(
    people: People, language: str
) -> None:
    with translation.override(language):
        said = translation.gettext("This field is required.")
    assert not said.isascii()
    browser = Client()
    page = browser.post("/login/", {}, headers={"Accept-Language": f"{language};q=0.9, fr;q=0.1"})
    assert f'<html lang="{language}"' in page.content.decode()
    assert said in page.content.decode()
    assert page.headers["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= set(page.headers["Vary"].split(", "))
    User.objects.filter(pk=people.viewer.pk).update(language=language)
    browser.force_login(people.viewer)
    page = browser.get("/", headers={"Accept-Language": "fr"})
    assert f'<html lang="{language}"' in page.content.decode()
    assert translation.get_language() == "en", "nothing of it outlives the request"


def test_the_persons_zone_wins_over_the_browsers(people: People) -> None:
    test = make_experiment(Actor.person(people.manager), Status.DEV, key="button")
    browser = japanese(people.manager)
    address = f"/tests/{test.key}/changelog/"
    assert " UTC</time>" in browser.get(address).content.decode()
    browser.cookies["tz"] = "Asia/Tokyo"
    assert " JST</time>" in browser.get(address).content.decode()
    browser = japanese(people.manager, "Europe/Berlin")
    browser.cookies["tz"] = "Asia/Tokyo"
    page = browser.get(address).content.decode()
    assert " JST</time>" not in page
    assert " CET</time>" in page or " CEST</time>" in page


@pytest.mark.parametrize(
    "cookie",
    ["../../../etc/passwd", "/etc/localtime", "Mars/Base", "<script>", "Europe/Berlin\x00", "x" * 3000],
)
def test_a_hostile_zone_is_utc(people: People, cookie: str) -> None:
    make_experiment(Actor.person(people.manager), Status.DEV, key="button")
    browser = japanese(people.manager)
    browser.cookies["tz"] = cookie
    page = browser.get("/tests/button/changelog/")
    assert page.status_code == 200
    assert " UTC</time>" in page.content.decode()


def test_programs_hear_english_and_utc_whoever_asks(
    people: People, client: Client, bearer: dict[str, str], pseudo_language: str
) -> None:
    headers = bearer | {"Accept-Language": "ja", "Content-Type": "application/json"}
    japanese(people.superuser)
    client.cookies["language"], client.cookies["tz"] = "ja", "Asia/Tokyo"
    refused = client.post("/api/v1/tests/", {"key": "A B"}, content_type="application/json", headers=headers)
    assert refused.status_code == 400
    assert OPENS not in refused.content.decode()
    for address in (
        "/api/v1/tests/none/",
        "/ofrep/v1/evaluate/flags/none",
        "/api/v1/nowhere",
        "/api/v1/tests/",
    ):
        answer = client.get(address, headers=headers)
        assert OPENS not in answer.content.decode(), address
        assert "Content-Language" not in answer.headers


def test_what_a_japanese_person_does_is_told_in_english(people: People, pseudo_language: str) -> None:
    browser = japanese(people.manager)
    form = {"key": "button", "name": "Button", "side": "server", "area": "shop", "message": ""}
    made = browser.post("/new/tests/", form)
    assert made.status_code == 302, made.content.decode()
    revision = str(Experiment.objects.get().revision)
    edited = browser.post(
        "/tests/button/properties/edit/",
        form | {"name": "Big button", "revision": revision, "managers": "manager"},
    )
    assert edited.status_code == 302, edited.content.decode()
    said = [str(row) for row in Entry.objects.values_list("message", "changes")]
    assert len(said) == 2
    assert not [text for text in said if OPENS in text]


def test_what_streams_is_written_in_the_language_of_who_asked(people: People) -> None:
    with clock.frozen_at(NOON):
        make_experiment(Actor.person(people.manager), Status.DEV, key="button")
    answer = japanese(people.manager, "Asia/Tokyo").get("/changelog/export/")
    text = b"".join(answer).decode()
    assert "2026-11-22T12:05:00Z" in text
    assert translation.get_language() == "en"


def test_files_for_spreadsheets_say_the_same_words_to_everybody(people: People, manager: Actor) -> None:
    make_experiment(manager, Status.DEV, key="green_button")
    for address in ("/changelog/export/", "/tests.csv"):
        in_english = Client()
        in_english.force_login(people.viewer)
        expected = b"".join(in_english.get(address))
        assert b"green_button" in expected
        assert b"".join(japanese(people.superuser).get(address)) == expected


def test_a_refusal_is_told_wholly_in_the_readers_language(people: People, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.DEV, key="green_button")
    with translation.override("ja"), pytest.raises(Conflict) as refusal:
        apply_verb(manager, experiment, Verb.PAUSE)
    assert "開発" in str(refusal.value)
    assert "dev" not in str(refusal.value)
    with pytest.raises(Conflict, match="is dev, so it cannot be paused"):
        apply_verb(manager, experiment, Verb.PAUSE)
