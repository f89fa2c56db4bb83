"""Mails: plain text and HTML that say the same, nothing typed gets out of its place, and a link that ends them."""

from __future__ import annotations

import smtplib
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.actors import Actor
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from notifications import sending
from notifications.models import ChannelKind, Delivery, Mute
from tests.conftest import People
from tests.factories import make_experiment
from tests.notifications.told import read_and_plan, with_mail

pytestmark = pytest.mark.usefixtures("warehouse")
NAME = 'Green\r\nBcc: all@example.org <script>alert("1")</script>'


@pytest.fixture
def sent(people: People) -> Any:
    """The mail that tells a manager of a pause; the test's name is hostile."""
    with_mail(people.manager)
    experiment = make_experiment(Actor.person(people.manager), Status.RUNNING)
    Experiment.objects.filter(pk=experiment.pk).update(name=NAME)
    read_and_plan()
    apply_verb(Actor.person(people.superuser), experiment, Verb.PAUSE)
    read_and_plan()
    sending.send_due(ChannelKind.MAIL)
    ((message),) = mail.outbox
    return message


def test_text_and_html_say_the_same_and_what_was_typed_stays_text(sent: Any) -> None:
    ((html, kind),) = sent.alternatives
    assert kind == "text/html"
    for body in (sent.body, html):
        assert "Paused (by Superuser)." in body
        assert "/tests/test_" in body
        # Named, since a digest holds others, too.
        assert "No more mails of the kind “Paused”" in body
    assert '<script>alert("1")' in sent.body
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_headers_are_ours_alone(sent: Any) -> None:
    message: EmailMessage = sent.message()
    subject = str(make_header(decode_header(message["Subject"])))
    assert subject.startswith("[UserSplit] “Green Bcc: all@example.org")
    assert message["Bcc"] is None
    assert message["To"] == "manager@example.org"
    assert message["Message-ID"] == f"<{Delivery.objects.get().token}@127.0.0.1>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_link_asks_and_then_ends_mails_of_this_kind(sent: Any, people: People, client: Client) -> None:
    address = sent.message()["List-Unsubscribe"].strip("<>").removeprefix("http://127.0.0.1:8000")
    assert "No more mails of this kind?" in client.get(address).content.decode()
    assert not Mute.objects.exists(), "programs that look at links end nothing"
    assert client.post(address).status_code == 200
    assert list(Mute.objects.values_list("person", "kind", "channel")) == [
        (people.manager.pk, "paused", "mail")
    ]


@pytest.mark.parametrize("token", ["x", "WzEsInBhdXNlZCJd:1abc:xyz", "%00", "a" * 3000])
def test_a_link_that_we_did_not_sign_does_nothing(client: Client, db: None, token: str) -> None:
    assert client.post(f"/notifications/stop/{token}/").status_code == 404


@pytest.mark.parametrize(
    ("error", "state", "answer"),
    [
        (
            smtplib.SMTPRecipientsRefused({"manager@example.org": (550, b"no")}),
            "given_up",
            "refuses the address",
        ),
        (
            smtplib.SMTPRecipientsRefused({"manager@example.org": (450, b"later")}),
            "failed",
            "refuses the address",
        ),
        (smtplib.SMTPDataError(554, b"spam"), "given_up", "The mail server said 554: spam"),
        (smtplib.SMTPDataError(452, b"full"), "failed", "The mail server said 452: full"),
        (smtplib.SMTPAuthenticationError(535, b"secret"), "failed", "does not let us in (535)"),
        (smtplib.SMTPServerDisconnected("gone"), "failed", "could not be reached"),
        (TimeoutError(), "failed", "could not be reached: TimeoutError"),
    ],
)
def test_what_a_mail_server_says_is_in_the_record(
    people: People, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str, answer: str
) -> None:
    def fail(self: object) -> None:
        raise error

    with_mail(people.manager)
    experiment = make_experiment(Actor.person(people.manager), Status.RUNNING)
    read_and_plan()
    apply_verb(Actor.person(people.superuser), experiment, Verb.PAUSE)
    read_and_plan()
    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", fail)
    sending.send_due(ChannelKind.MAIL)
    delivery = Delivery.objects.get()
    assert delivery.state == state
    assert answer in delivery.answer
    assert "secret" not in delivery.answer
    # What is put off is tried for days: a mailbox may be full, and a password wrong, for a night.
    Delivery.objects.update(attempts=sending.ATTEMPTS, not_before=delivery.created_at)
    sending.send_due(ChannelKind.MAIL)
    delivery.refresh_from_db()
    assert delivery.state == state
