"""A split is the client without the user in each question; the current one belongs to its thread and its task."""

import asyncio
import threading
from typing import Any

import pytest

from usersplit_sdk import Client, Decision, Environment, Reason, RecordingHits, User
from usersplit_sdk.bound import Split, bind_split, current_split, use_split

TEST: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 1200]]},
        {"name": "green", "split_groups": [[1201, 2400]], "payload": {"color": "#0a0"}},
    ],
    "tokens": {"pay_button": {"green": {"en": "Get it", "de": "Hol es dir"}}},
}
GROUP: dict[str, Any] = {
    "format": 1, "kind": "group", "key": "germans", "status": "running", "settings_group": 1,
    "conditions": [{"filter": "client_language", "source": "environment", "operator": "eq", "value": "de"}],
}  # fmt: skip
GREEN = User("1", 2000)
CONTROL = User("2", 1)


def client_of_one_test() -> tuple[Client, RecordingHits]:
    hits = RecordingHits()
    return Client.from_documents([TEST], [GROUP], hits=hits), hits


def test_a_split_answers_as_its_client_does_for_its_user() -> None:
    client, hits = client_of_one_test()
    split = Split(client, GREEN, Environment(device_id="d", attributes={"client_language": "de"}))
    assert split.variant("green_button", log_hit=False) == "green"
    assert split.payload("green_button") == {"color": "#0a0"}
    assert split.active_variants() == {"green_button": "green"}
    assert split.explain("green_button") == Decision("green", Reason.SPLIT, None, 3)
    assert split.is_in_group("germans")
    assert not split.for_user(None).explain("green_button").variant
    assert split.for_user(CONTROL).explain("green_button").variant == "control"
    assert hits.hits == []
    assert split.variant("green_button") == "green"
    assert split.for_user(CONTROL).log_hit("green_button", "control")
    assert [(hit.user_id, hit.device_id, hit.variant) for hit in hits.hits] == [
        ("1", "d", "green"),
        ("2", "d", "control"),
    ]


def test_the_language_of_texts() -> None:
    client, _ = client_of_one_test()
    german = Environment(attributes={"client_language": "de"})
    assert Split(client, GREEN, german).text("pay_button", "Buy") == "Hol es dir"
    assert Split(client, GREEN, german, language="en").text("pay_button", "Buy") == "Get it"
    assert Split(client, GREEN, german, language="en").for_user(GREEN).text("pay_button", "Buy") == "Get it"
    assert Split(client, GREEN, german).text("pay_button", "Buy", language="en-GB") == "Get it"
    assert Split(client, GREEN).text("pay_button", "Buy") == "Buy"
    broken: Any = Environment(attributes=None)
    assert Split(client, GREEN, broken).text("pay_button", "Buy") == "Buy"


def test_the_current_split_ends_with_its_block() -> None:
    client, _ = client_of_one_test()
    outer, inner = Split(client, GREEN), Split(client, CONTROL)
    assert current_split() is None
    with use_split(outer):
        with use_split(inner):
            assert current_split() is inner
        assert current_split() is outer
        previous = bind_split(None)
        assert previous is outer
        bind_split(previous)
        assert current_split() is outer
    assert current_split() is None


def test_threads_do_not_see_each_others_split() -> None:
    client, _ = client_of_one_test()
    seen: list[object] = []
    together = threading.Barrier(8)

    def work(number: int) -> None:
        split = Split(client, User(str(number), number))
        with use_split(split):
            together.wait()
            seen.append(current_split() is split)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 8


def test_tasks_of_one_loop_do_not_see_each_others_split() -> None:
    client, _ = client_of_one_test()

    async def work(number: int, together: asyncio.Event) -> bool:
        split = Split(client, User(str(number), number))
        with use_split(split):
            if number == 99:
                together.set()
            await together.wait()
            return current_split() is split and await asyncio.to_thread(current_split) is split

    async def all_of_them() -> list[bool]:
        together = asyncio.Event()
        return await asyncio.gather(*(work(number, together) for number in range(100)))

    assert asyncio.run(all_of_them()) == [True] * 100


class Broken:
    """What a host may hand over for a request."""

    @property
    def attributes(self) -> object:
        raise LookupError("attributes")


@pytest.mark.parametrize("environment", [object(), Broken(), Environment(attributes=[1])])  # type: ignore[arg-type]
def test_a_request_that_cannot_be_read_costs_the_text_and_not_the_answer(environment: Any) -> None:
    split = Split(Client.from_documents([TEST]), GREEN, environment)
    assert split.text("pay_button", "Buy") == "Buy"
    assert split.variant("green_button") == "green"
