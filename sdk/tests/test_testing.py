"""Variants are forced for every client of the process while a test of an application runs, and for nobody afterwards."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from usersplit_sdk import AsyncClient, Client, Decision, Environment, Reason, RecordingHits, User, stand_ins
from usersplit_sdk.bound import Split
from usersplit_sdk.testing import ForcedVariants, UnknownSplitTest, forced_variants

MIA, GUEST = User("mia", 1), Environment("d-1")


def document(key: str, **more: Any) -> dict[str, Any]:
    return {
        "format": 1, "kind": "test", "key": key, "status": "running", "side": "server", "settings_group": 3,
        "conditions": [],
        "variants": [
            {"name": "control", "split_groups": [[1, 2400]]},
            {"name": "green", "split_groups": [], "payload": {"color": "#0a0"}},
        ],
        **more,
    }  # fmt: skip


TESTS = [
    document("green_button", tokens={"pay_button": {"green": {"en": "Get it"}}}),
    document("red_banner"),
    document(
        "won", status="finished", outcome={"result": "winner", "variant": "green", "scope": "everywhere"}
    ),
    document("apps", side="client"),
    document("odd", status="odd"),
]
GROUP = {
    name: value for name, value in document("vips", kind="group").items() if name not in ("variants", "side")
}
AS_DELIVERED = {"green_button": "control", "red_banner": "control", "won": "green"}


def shop(hits: RecordingHits | None = None) -> Client:
    return Client.from_documents(TESTS, [GROUP], hits=hits, on_error=lambda problem: None)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that other tests have left behind do not count."""
    monkeypatch.setattr(stand_ins, "_living", {})


@pytest.fixture
def client() -> Iterator[Client]:
    client = shop()
    assert client.active_variants(MIA) == AS_DELIVERED
    yield client
    assert client.active_variants(MIA) == AS_DELIVERED
    assert stand_ins.current is None


def test_every_answer_is_the_forced_one_and_all_other_tests_are_off(client: Client) -> None:
    with forced_variants(green_button="green", red_banner=None):
        for user in (MIA, User("noah"), None):
            assert client.get_active_variant("green_button", user, GUEST) == "green"
            assert client.get_active_variant("green_button", user, GUEST) == "green"
            assert client.get_active_variant("red_banner", user, GUEST) is None
            assert client.active_variants(user, GUEST) == {"green_button": "green"}
        assert client.active_variants() == {"green_button": "green"}
        assert client.explain("green_button", MIA) == Decision("green", Reason.FORCED, None, 3)
        for key in ("red_banner", "won", "apps"):
            assert client.explain(key, MIA) == Decision(None, Reason.TESTS_OFF, None, 3)
        assert client.explain("odd", MIA).reason is Reason.INVALID_TEST_FILE
        assert client.explain("nowhere", MIA).reason is Reason.UNKNOWN_TEST
        assert client.payload("green_button", MIA) == {"color": "#0a0"}
        assert client.text("pay_button", MIA, language="en", default="Buy") == "Get it"
    assert client.text("pay_button", MIA, language="en", default="Buy") == "Buy"


@pytest.mark.parametrize("key", ["won", "apps"])
def test_status_and_side_of_a_test_do_not_matter(client: Client, key: str) -> None:
    with forced_variants({key: "control"}):
        assert client.get_active_variant(key, None) == "control"
        assert client.active_variants(SimpleNamespace(id="7")) == {key: "control"}  # type: ignore[arg-type]


def test_what_an_application_holds_on_to_is_forced_too(client: Client) -> None:
    check, split = client.get_active_variant, Split(client, MIA)
    assert (check("green_button", MIA), split.variant("green_button")) == ("control", "control")
    with forced_variants(green_button="green"):
        assert (check("green_button", MIA), split.variant("green_button")) == ("green", "green")
        assert split.payload("green_button") == {"color": "#0a0"}
    assert (check("green_button", MIA), split.variant("green_button")) == ("control", "control")


def test_clients_made_meanwhile_and_clients_of_other_environments() -> None:
    with forced_variants(green_button="green"):
        late = Client.from_documents(TESTS, environment="devel", on_error=lambda problem: None)
        assert late.get_active_variant("green_button", MIA) == "green"
        late.prepare()
        late.refresh()
        late.additional_conditions("green_button")(lambda user, request: False)
        assert late.active_variants(MIA) == {"green_button": "green"}
    assert late.explain("green_button", MIA).reason is Reason.ADDITIONAL_CONDITIONS_NOT_MET


def test_a_client_on_an_event_loop() -> None:
    async def ask() -> None:
        async with AsyncClient.from_documents(
            TESTS, hits=RecordingHits(), on_error=lambda problem: None
        ) as client:
            assert await client.get_active_variant("green_button", MIA) == "control"
            with forced_variants(green_button="green") as forced:
                assert await client.get_active_variant("green_button", MIA) == "green"
                assert client.active_variants(MIA) == {"green_button": "green"}
                assert [hit.variant for hit in forced.hits] == ["green"]
            assert await client.get_active_variant("green_button", MIA) == "control"

    asyncio.run(ask())


def test_other_threads_get_it_as_well(client: Client) -> None:
    found: list[str | None] = []
    with forced_variants(green_button="green"):
        thread = threading.Thread(target=lambda: found.append(client.get_active_variant("green_button", MIA)))
        thread.start()
        thread.join()
    assert found == ["green"]


def test_checks_in_threads_see_what_is_delivered_or_what_is_forced_and_nothing_else() -> None:
    client, strange, stop = shop(), [], threading.Event()
    right = [AS_DELIVERED, {"green_button": "green"}]

    def ask() -> None:
        while not stop.is_set():
            if (found := client.active_variants(MIA)) not in right:
                strange.append(found)

    def renew() -> None:
        while not stop.is_set():
            client._store.republish()

    threads = [threading.Thread(target=work) for work in (ask, ask, renew)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            with forced_variants(green_button="green"):
                assert client.active_variants(MIA) == right[1]
            assert client.active_variants(MIA) == right[0]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert strange == []


def test_hits_go_nowhere_but_are_known() -> None:
    real = RecordingHits()
    client = shop(real)
    client.get_active_variant("green_button", MIA)
    with forced_variants(green_button="green") as forced:
        for _ in range(3):
            client.get_active_variant("green_button", MIA)
            client.get_active_variant("red_banner", MIA)
        client.log_hit("red_banner", "control", MIA)
    assert [(hit.test, hit.variant, hit.user_id, hit.settings_group, hit.forced) for hit in forced.hits] == [
        ("green_button", "green", "mia", 3, True),
        ("red_banner", "control", "mia", 3, True),
    ]
    client.get_active_variant("green_button", MIA)
    client.get_active_variant("red_banner", MIA)
    assert [(hit.test, hit.variant) for hit in real.hits] == [
        ("green_button", "control"),
        ("red_banner", "control"),
    ]


def test_a_client_that_is_closed_meanwhile_closes_its_own_sink() -> None:
    closed = []

    class Sink(RecordingHits):
        def close(self) -> None:
            closed.append(True)

    client = shop(Sink())
    with forced_variants():
        client.close()
    assert closed == [True]


def test_it_is_over_after_a_failure(client: Client) -> None:
    with pytest.raises(ZeroDivisionError), forced_variants(green_button="green"):
        1 / 0  # noqa: B018


def test_two_at_a_time_the_later_one_wins(client: Client) -> None:
    with forced_variants(green_button="green", red_banner="green") as outer:
        with forced_variants(green_button="control"):
            assert client.active_variants(MIA) == {"green_button": "control", "red_banner": "green"}
        assert client.active_variants(MIA) == {"green_button": "green", "red_banner": "green"}
        outer.off()
        assert client.active_variants(MIA) == {}
        outer.force({"red_banner": "control"}, green_button="green")
        assert client.active_variants(MIA) == {"green_button": "green", "red_banner": "control"}
        outer.as_delivered()
        assert client.active_variants(MIA) == AS_DELIVERED
        assert client.get_active_variant("green_button", MIA) == "control"
        assert [(hit.variant, hit.forced) for hit in outer.hits] == [("control", False)]


def test_user_groups_are_as_delivered_unless_they_are_set(client: Client) -> None:
    with forced_variants() as forced:
        assert client.is_in_group("vips", MIA)
        forced.set_groups(vips=False)
        assert not client.is_in_group("vips", MIA)
        assert client.active_variants(MIA) == {}
    with ForcedVariants(groups={"vips": False}):
        assert not client.is_in_group("vips")
        assert client.active_variants(MIA) == AS_DELIVERED


@pytest.mark.parametrize(
    ("variants", "words"),
    [
        ({"gren_button": "green"}, "no client has a test gren_button: did you mean green_button?"),
        ({"gren_button": None}, "no client has a test gren_button: did you mean green_button?"),
        ({"green_button": "gren"}, "the test green_button has no variant 'gren': did you mean green?"),
        ({"green_button": "purple"}, "has no variant 'purple': there are control, green"),
        ({"something_else": "green"}, "there are apps, green_button, odd, red_banner, won"),
        ({"odd": "green"}, "the file of the test odd cannot be used: status"),
    ],
)  # fmt: skip
def test_what_nobody_delivers_is_a_mistake(
    client: Client, variants: dict[str, str | None], words: str
) -> None:
    forced = forced_variants(variants)
    forced.start()
    assert client.active_variants(MIA) == {}
    assert client.explain("green_button").variant is None
    assert len(forced.mistakes()) == 1
    with pytest.raises(UnknownSplitTest) as problem:
        forced.__exit__(None, None, None)
    assert words in str(problem.value)


def test_a_mistake_is_told_beside_the_failure_that_it_may_have_caused(client: Client) -> None:
    with (
        pytest.raises(UnknownSplitTest, match="did you mean green_button") as problem,
        forced_variants(green_buton="green"),
    ):
        raise LookupError("no button")
    assert isinstance(problem.value.__cause__, LookupError)


def test_a_group_that_nobody_delivers_is_a_mistake(client: Client) -> None:
    forced = ForcedVariants(groups={"vip": True})
    with pytest.raises(UnknownSplitTest, match="no client has a user group vip: did you mean vips"), forced:
        assert client.is_in_group("vips")


def test_it_is_none_if_only_one_of_the_clients_has_it(client: Client) -> None:
    with forced_variants(letter="green"):
        other = Client.from_documents([document("letter")])
        assert other.get_active_variant("letter") == "green"
        assert client.get_active_variant("letter") is None


def test_without_clients_nothing_can_be_wrong() -> None:
    with forced_variants(green_button="green"):
        pass


def test_unknown_ones_are_made_up_if_that_is_wanted() -> None:
    client = Client.from_documents([document("red_banner")])
    with ForcedVariants({"green_button": "green", "red_banner": "blue"}, allow_unknown=True) as forced:
        assert client.active_variants(MIA) == {"green_button": "green", "red_banner": "blue"}
        assert client.active_variants(SimpleNamespace()) == client.active_variants(MIA)  # type: ignore[arg-type]
        assert client.get_active_variant("green_button", MIA) == "green"
        assert client.payload("green_button", MIA) is None
        assert client.log_hit("red_banner", "blue", MIA)
        assert [hit.variant for hit in forced.hits] == ["green", "blue"]
    assert client.test_keys() == ("red_banner",)


@pytest.mark.parametrize(
    ("variants", "kind"),
    [
        ({"green_button": 1}, TypeError),
        ({"green_button": True}, TypeError),
        ({"green_button": ""}, ValueError),
        ({"Green Button": "green"}, ValueError),
        ({1: "green"}, ValueError),
    ],
)
def test_what_cannot_be_a_key_or_a_variant_is_refused(variants: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"is not|must be"):
        forced_variants(variants)
    with pytest.raises(TypeError, match="vips"):
        ForcedVariants(groups={"vips": 1})  # type: ignore[dict-item]


def test_clients_are_not_kept_alive_by_it() -> None:
    gc.collect()
    client = shop()
    with forced_variants():
        client.active_variants(MIA)
    assert len(stand_ins.living_clients()) == 1
    del client
    gc.collect()
    assert stand_ins.living_clients() == []
