"""Guests' cookies: nobody picks a split group, and whatever a browser sends is only read or drawn anew."""

import random
import string
import time

import pytest

from usersplit_sdk.integrations.guests import RENEW_DAYS, Guest, GuestCookie, HmacSigner, cookie_values

COOKIE = GuestCookie(HmacSigner("a secret"))


def test_what_was_written_is_read() -> None:
    for guest in [COOKIE.draw() for _ in range(200)] + [Guest(1, None), Guest(2400, "abc")]:
        assert COOKIE.read([COOKIE.value_of(guest)]) == guest


def test_any_character_changed_is_another_guest() -> None:
    value = COOKIE.value_of(Guest(17, "device"))
    for place in range(len(value)):
        for character in string.printable:
            changed = value[:place] + character + value[place + 1 :]
            assert COOKIE.read([changed]) is None or changed == value


def test_what_browsers_may_send() -> None:
    rng = random.Random(7)
    for _ in range(2000):
        length = rng.randrange(60)
        value = "".join(chr(rng.choice([rng.randrange(128), rng.randrange(0x11000)])) for _ in range(length))
        assert COOKIE.read([value, value + ":", ":" + value, "7:" + value]) is None


@pytest.mark.parametrize(
    "value", ["0", "2401", "9999", "10000", "-1", "1.5:x", "01", "", " 7", "7 ", "²", "7.", "7..a"]
)
def test_numbers_that_are_none_are_drawn_anew_though_signed(value: str) -> None:
    assert COOKIE.read([HmacSigner("a secret").sign(value)]) is None


def test_a_cookie_of_another_subdomain_does_not_hide_ours() -> None:
    assert COOKIE.read(["2000:forged", COOKIE.value_of(Guest(17, None))]) == Guest(17, None)


def test_a_cookie_is_old_after_a_month_and_its_date_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    value = COOKIE.value_of(Guest(17, "device"))
    assert [guest.is_old for guest in [COOKIE.read([value])] if guest] == [False]
    day = 86_400 * (RENEW_DAYS + 1)
    for moment in (time.time() + day, time.time() - day):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        guest = COOKIE.read([value])
        assert (guest, guest is not None and guest.is_old) == (Guest(17, "device"), True)
        again = COOKIE.read([COOKIE.value_of(guest or COOKIE.draw())])
        assert (again, again is not None and again.is_old) == (Guest(17, "device"), False)
        monkeypatch.undo()
    undated = HmacSigner("a secret").sign("17")
    assert [guest.is_old for guest in [COOKIE.read([undated])] if guest] == [True]


def test_secrets_can_be_changed() -> None:
    old, both = HmacSigner("old"), HmacSigner(["new", b"old"])
    assert both.unsign(old.sign("17")) == "17"
    assert HmacSigner("new").unsign(both.sign("17")) == "17"
    with pytest.raises(ValueError, match="does not fit"):
        HmacSigner("new").unsign(old.sign("17"))


@pytest.mark.parametrize("secret", ["", b"", [], [""], ["new", ""]])
def test_an_empty_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="needs a secret"):
        HmacSigner(secret)


def test_the_header() -> None:
    guest = Guest(17, None)
    plain = f"usersplit={COOKIE.value_of(guest)}; Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly"
    assert COOKIE.header(guest, https=False) == plain
    assert COOKIE.header(guest, https=True) == f"{plain}; Secure"
    ours = GuestCookie(COOKIE.signer, name="split", domain="shop.example", secure=True)
    assert ours.header(guest, https=False).endswith("HttpOnly; Domain=shop.example; Secure")
    assert ours.header(guest, https=False).startswith("split=17~")


@pytest.mark.parametrize("options", [{"name": "a b"}, {"name": "a;"}, {"name": ""}, {"domain": "a;b"}])
def test_what_would_break_the_header_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="of a cookie"):
        GuestCookie(COOKIE.signer, **options)  # type: ignore[arg-type]


def test_the_split_group_alone_recognises_nobody() -> None:
    alone = GuestCookie(COOKIE.signer, device_ids=False)
    assert alone.draw().device_id is None
    assert alone.read([COOKIE.value_of(Guest(17, "device"))]) == Guest(17, None)


def test_split_groups_are_drawn_evenly() -> None:
    drawn = [COOKIE.draw() for _ in range(24_000)]
    assert {guest.split_group for guest in drawn} <= set(range(1, 2401))
    # Of 2400 numbers drawn ten times each, e^-10 are missed: 0.1.
    assert len({guest.split_group for guest in drawn}) > 2380
    assert len({guest.device_id for guest in drawn}) == 24_000


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("usersplit=a", ["a"]),
        ('x="; usersplit=a; usersplit = "b" ;=;;usersplit', ["a", "b", ""]),
        ("notusersplit=a; usersplitter=b", []),
        ("", []),
    ],
)
def test_reading_the_cookie_header(header: str, values: list[str]) -> None:
    assert cookie_values(header, "usersplit") == values
