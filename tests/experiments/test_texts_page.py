"""The page of the application's texts: found, changed one by one, uploaded whole or not at all, every change told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.actors import Actor
from changelog.models import Entry, SubjectKind
from experiments.models import AppText
from tests.conftest import People
from tests.factories import add_settings, make_experiment


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    AppText.objects.create(token="pay_button", language="en", text="Buy, {name}")
    AppText.objects.create(token="pay_button", language="de", text="Kaufen")
    AppText.objects.create(token="greeting", language="en", text="Hello")
    return Actor.person(people.manager)


def _page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def _upload(client: Client, content: str | bytes, name: str = "shop.csv") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post("/texts/upload/", {"file": SimpleUploadedFile(name, data)})


def _apply(client: Client, looked_at: Any) -> Any:
    context = looked_at.context
    sent = {"op": "apply", "texts": context["sent"], "digest": context["digest"], "name": context["name"]}
    return client.post("/texts/upload/", sent)


def _texts() -> dict[tuple[str, str], str]:
    return {(one.token, one.language): one.text for one in AppText.objects.all()}


def _told() -> list[Entry]:
    return list(Entry.objects.filter(subject_kind=SubjectKind.TEXT).order_by("id"))


# ---- found ---------------------------------------------------------------------------------------------------


def test_tokens_are_found_by_name_by_text_and_by_language(mia: Actor, client: Client) -> None:
    def tokens(**asked: str) -> list[str]:
        return [row["token"] for row in client.get("/texts/", asked).context["rows"]]

    assert tokens() == ["greeting", "pay_button"]
    assert tokens(q="kauf") == tokens(q="PAY") == tokens(language="de") == ["pay_button"]
    assert tokens(q="%") == tokens(language="fr") == []
    assert tokens(q="\x00", language="\x00") == ["greeting", "pay_button"]
    part = client.get("/texts/?q=kauf", headers={"HX-Request": "true", "HX-Target": "results"})
    assert "<html" not in _page(part)


def test_a_page_of_texts_asks_as_much_as_one_of_few(
    mia: Actor, client: Client, django_assert_max_num_queries: Any
) -> None:
    AppText.objects.bulk_create(AppText(token=f"t{n:03}", language="en", text="x") for n in range(60))
    with django_assert_max_num_queries(12):
        page = client.get("/texts/")
    assert len(page.context["rows"]) == 25
    assert "62 tokens" in _page(page)


def test_a_token_says_which_tests_use_it(mia: Actor, warehouse: Any, people: People, client: Client) -> None:
    tokens = {"pay_button": {"green": {"en": "Get it, {name}"}}}
    make_experiment(mia, key="tries_it", tokens=tokens)
    waiting = make_experiment(mia, key="will_try_it")
    add_settings(mia, waiting, tokens=tokens)
    gone = make_experiment(mia, key="tried_it", tokens=tokens)
    add_settings(mia, gone)
    row = next(row for row in client.get("/texts/").context["rows"] if row["token"] == "pay_button")
    assert [(use.experiment.key, use.is_current) for use in row["uses"]] == [
        ("tried_it", True),
        ("tries_it", True),
        ("will_try_it", False),
    ]
    # They are drafts: for a viewer they do not exist.
    client.force_login(people.viewer)
    assert "tries_it" not in _page(client.get("/texts/"))


def test_who_only_looks_changes_nothing(mia: Actor, people: People, client: Client) -> None:
    client.force_login(people.viewer)
    assert "Upload a file" not in _page(client.get("/texts/"))
    for address in ("/texts/edit/", "/texts/upload/", "/texts/test/"):
        assert client.get(address).status_code == 403
        assert client.post(address, {"token": "a", "language": "en", "text": "x"}).status_code == 403
    assert len(_texts()) == 3


# ---- one by one ----------------------------------------------------------------------------------------------


def test_a_text_is_changed_added_and_removed_and_all_is_told(mia: Actor, client: Client) -> None:
    change = {
        "token": "pay_button",
        "language": "de",
        "is_known": "1",
        "was": "Kaufen",
        "text": "Jetzt\r\nkaufen",
    }
    assert client.post("/texts/edit/", change).status_code == 302
    assert (
        client.post("/texts/edit/", {"token": "bye", "language": "DE", "text": "Tschüss"}).status_code == 302
    )
    gone = {
        "token": "greeting",
        "language": "en",
        "is_known": "1",
        "was": "Hello",
        "text": "x",
        "op": "remove",
    }
    assert client.post("/texts/edit/", gone).status_code == 302
    assert _texts() == {
        ("pay_button", "en"): "Buy, {name}",
        ("pay_button", "de"): "Jetzt\nkaufen",
        ("bye", "de"): "Tschüss",
    }
    assert [entry.message for entry in _told()] == [
        "Changed the text of “pay_button” in de",
        "Added the text of “bye” in de",
        "Removed the text of “greeting” in en",
    ]
    assert [(one["before"], one["after"]) for entry in _told() for one in entry.changes] == [
        ("Kaufen", "Jetzt\nkaufen"),
        (None, "Tschüss"),
        ("Hello", None),
    ]
    assert "Jetzt kaufen" in _page(client.get("/changelog/?kind=text"))


@pytest.mark.parametrize(
    "typed",
    [
        {"token": "pay_button", "language": "de", "is_known": "1", "was": "Old words", "text": "Mine"},
        {"token": "pay_button", "language": "de", "text": "Mine"},
        {"token": "gone", "language": "de", "is_known": "1", "was": "Was there", "text": "Mine"},
        {
            "token": "pay_button",
            "language": "de",
            "is_known": "1",
            "was": "Old",
            "text": "Mine",
            "op": "remove",
        },
    ],
)
def test_nobodys_change_is_lost(typed: dict[str, str], mia: Actor, client: Client) -> None:
    before = _texts()
    response = client.post("/texts/edit/", typed)
    assert response.status_code == 409
    assert "Mine" in _page(response)
    assert _texts() == before
    assert _told() == []


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"token": " "}, "token"),
        ({"token": "x" * 501}, "token"),
        ({"language": "d e"}, "language"),
        ({"language": "x" * 36}, "language"),
        ({"text": "  "}, "text"),
        ({"text": "x" * 10_001}, "text"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    typed: dict[str, str], field: str, mia: Actor, client: Client
) -> None:
    response = client.post("/texts/edit/", {"token": "new", "language": "en", "text": "x"} | typed)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert len(_texts()) == 3


# ---- as a file -----------------------------------------------------------------------------------------------

CSV = '\ufefftoken;language;text\r\npay_button;de;"Kaufen; ""jetzt"""\r\ngreeting;en;Hello\r\nnew;EN;"two\r\nlines"\r\n'


def test_a_file_is_looked_at_and_then_applied(mia: Actor, client: Client) -> None:
    before = _texts()
    looked_at = _upload(client, CSV)
    assert "shop.csv: 1 new, 1 changed, 1 as they are. Nothing is changed yet." in _page(looked_at)
    assert _texts() == before
    assert _apply(client, looked_at).status_code == 302
    assert _texts() == before | {("pay_button", "de"): 'Kaufen; "jetzt"', ("new", "en"): "two\nlines"}
    (entry,) = _told()
    assert entry.message == "Loaded texts from shop.csv: 1 new, 1 changed"
    assert len(entry.changes) == 2
    assert "Nothing would change" in _page(_upload(client, CSV))


def test_json_says_the_same(mia: Actor, client: Client) -> None:
    rows = [{"token": "pay_button", "language": "ja", "text": "購入"}]
    assert _apply(client, _upload(client, json.dumps(rows, indent=1), "ja.json")).status_code == 302
    assert _texts()["pay_button", "ja"] == "購入"


def test_what_was_looked_at_is_what_is_applied(mia: Actor, client: Client) -> None:
    """Somebody changed a text in between: what would change is shown again, and nothing is applied before that."""
    looked_at = _upload(client, CSV)
    AppText.objects.filter(language="de").update(text="Theirs")
    again = _apply(client, looked_at)
    assert again.status_code == 409
    assert "Theirs" in _page(again)
    assert _texts()["pay_button", "de"] == "Theirs"
    assert _apply(client, again).status_code == 302


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "a.csv", "There is no text in the file."),
        ("token,text\na,b\n", "a.csv", "Line 1: must name the columns"),
        ("token,language,text\na,en,\n", "a.csv", "Line 2: text must not be empty"),
        ('token,language,text\na,en,"x\ny"\n,en,z\n', "a.csv", "Line 4: token must not be empty"),
        ("token,language,text\na,en,x\na,EN,y\n", "a.csv", "Line 3: a in EN is on line 2 already"),
        ("token,language,text\na,en,x,y\n", "a.csv", "Line 2: has 4 columns instead of 3"),
        ('token,language,text\na,en,x\nb,en,"y\n', "a.csv", "Line 3: is not readable as CSV"),
        ("token,language,text\na,d e,x\n", "a.csv", "Line 2: language must be a language such as"),
        ("token,language,text\na,en,x\x00\n", "a.csv", "Line 2: text must not contain NUL"),
        (f"token,language,text\n{'a' * 501},en,x\n", "a.csv", "Line 2: token is 501 characters long"),
        ("token,language,text\n", "a.csv", "There is no text in the file."),
        (b"token,language,text\na,en,\xff\n", "a.csv", "Line 2: is not UTF-8"),
        ("{}", "a.json", "Line 1: must be a list such as"),
        ("[1]", "a.json", "Line 1: must be a list such as"),
        ("[\n{},\n", "a.json", "Line 2: token must not be empty"),
        (
            '[\n{"token": "a", "language": "en", "text": 5}]',
            "a.json",
            "Line 2: token, language and text must all be",
        ),
        ('[{"token": "a", "language": "en", "text": "x", "note": ""}]', "a.json", "Line 1: has “note”"),
        ('[\n{"token": "a"\n"language"}]', "a.json", "Line 3: is not readable as JSON"),
        ("[" * 100_000, "a.json", "is not readable as JSON"),
        ('[{"token": "a", "language": "en", "text": "\\ud800"}]', "a.json", "Line 1: text must not contain"),
        ('[{"token": "a", "language": "en", "text": "x"}] more', "a.json", "Line 1: has more behind"),
        ("x" * 1_000_001, "a.csv", "larger than 1 MB"),
        (
            "token,language,text\n" + "".join(f"t{n},en,x\n" for n in range(5_001)),
            "a.csv",
            "more than 5,000 texts",
        ),
        ("token,language,text\n" + "a,,\n" * 50, "a.csv", "more mistakes."),
        ("token,language,text\n" + "a,,\n" * 200_000, "a.csv", "And 9,981 more mistakes."),
    ],
)
def test_a_file_with_a_mistake_changes_nothing_and_says_where_it_is(
    content: str | bytes, name: str, said: str, mia: Actor, client: Client
) -> None:
    response = _upload(client, content, name)
    assert response.status_code == 422
    assert said in _page(response)
    assert len(_texts()) == 3


@pytest.mark.parametrize(
    "sent", ["", "5", "[[1]]", "[" * 100_000, '[["a", "", "x"]]', '[["a", "en", "\\u0000"]]', "[]"]
)
def test_what_is_sent_back_is_checked_again(sent: str, mia: Actor, client: Client) -> None:
    response = client.post("/texts/upload/", {"op": "apply", "texts": sent, "digest": "", "name": "x\x00"})
    assert response.status_code == 422
    assert client.post("/texts/upload/", {}).status_code == 422
    assert len(_texts()) == 3
