"""Secrets at rest: unreadable in the database, read with every key of today, moved to the newest by a command."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from notifications.channels.base import Account, SendFailed
from notifications.channels.registry import account_of
from notifications.models import Connection, Provider
from notifications.secrets import SecretUnreadable, decrypt, encrypt, encrypt_anew

SECRET = "xoxb-very-secret"


def connect(name: str, secret: bytes) -> Connection:
    return Connection.objects.create(
        name=name, provider=Provider.SLACK, url="https://slack.com/api", secret=secret
    )


def test_what_is_stored_tells_nothing_and_is_another_each_time() -> None:
    stored = [encrypt(SECRET), encrypt(SECRET)]
    assert stored[0] != stored[1]
    assert all(SECRET.encode() not in one and decrypt(one) == SECRET for one in stored)


def test_any_key_of_today_reads_and_the_first_writes(settings: Settings) -> None:
    settings.NOTIFICATIONS_KEYS = ["old"]
    stored = encrypt(SECRET)
    settings.NOTIFICATIONS_KEYS = ["new", "old"]
    assert decrypt(stored) == SECRET
    moved = encrypt_anew(stored)
    settings.NOTIFICATIONS_KEYS = ["new"]
    assert decrypt(moved) == SECRET
    with pytest.raises(SecretUnreadable):
        decrypt(stored)


def test_without_keys_the_secret_key_of_the_installation_is_one(settings: Settings) -> None:
    settings.NOTIFICATIONS_KEYS = []
    stored = encrypt(SECRET)
    for keys in ([settings.SECRET_KEY], ["the first of one's own"]):
        settings.NOTIFICATIONS_KEYS = keys
        assert decrypt(stored) == SECRET
    settings.NOTIFICATIONS_KEYS = []
    settings.SECRET_KEY = "another"
    with pytest.raises(SecretUnreadable):
        decrypt(stored)


@pytest.mark.parametrize("stored", [b"", b"\x00\xff", b"gAAAAA", SECRET.encode()])
def test_what_is_no_secret_is_unreadable(stored: bytes) -> None:
    for read in (decrypt, encrypt_anew):
        with pytest.raises(SecretUnreadable):
            read(stored)


def test_an_account_with_an_unreadable_secret_says_what_to_do_and_shows_no_secret(
    db: None, settings: Settings
) -> None:
    account = account_of(connect("chat", encrypt(SECRET)))
    assert account == Account("https://slack.com/api", "", SECRET, {})
    assert SECRET not in repr(account)
    settings.NOTIFICATIONS_KEYS = ["another"]
    with pytest.raises(SendFailed, match="type it in again") as failed:
        account_of(connect("lost", b"rubbish"))
    assert failed.value.provider_down


def test_the_command_moves_what_it_can_read_and_names_the_rest(db: None, settings: Settings) -> None:
    settings.NOTIFICATIONS_KEYS = ["lost"]
    lost = connect("lost", encrypt(SECRET))
    settings.NOTIFICATIONS_KEYS = ["old"]
    chat = connect("chat", encrypt(SECRET))
    settings.NOTIFICATIONS_KEYS = ["new", "old"]
    said = io.StringIO()
    with pytest.raises(CommandError, match=r"not there: lost\."):
        call_command("rotate_secrets", stdout=said)
    assert said.getvalue() == "Encrypted with the newest key: 1 of 2.\n"
    settings.NOTIFICATIONS_KEYS = ["new", "lost"]
    call_command("rotate_secrets", stdout=said)
    settings.NOTIFICATIONS_KEYS = ["new"]
    for connection in (lost, chat):
        connection.refresh_from_db()
        assert decrypt(bytes(connection.secret)) == SECRET
